"""Who may ask a server, and for what? Whoever shows a key of a tenant that is good for it."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from codetriever.errors import CodetrieverError, InvalidArguments, KeyNotFound, KeyRejected, ScopeMissing
from codetriever.store.postgres.database import in_transaction
from codetriever.store.postgres.pools import WRITE
from codetriever.store.postgres.queries import query
from codetriever.store.postgres.tenants import check_name, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codetriever.store.postgres.database import Database
    from codetriever.store.postgres.tenants import Acting

SEARCH, INDEX, ADMIN = "search", "index", "admin"
SCOPES: Final = (SEARCH, INDEX, ADMIN)
PREFIX: Final = "ct_"
_KEY: Final = re.compile(r"ct_[A-Za-z0-9_-]{43}")
_KEY_BYTES: Final = 32
_START_CHARACTERS: Final = 9
_LONGEST_S: Final = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself is not. `start` are its first characters. Times are seconds since the epoch."""

    key_id: str
    tenant_id: str
    name: str
    start: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: `secret` is what is to be shown, and is never seen again."""

    secret: str
    key: ApiKey


class Keys:
    """The keys of one tenant."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def create(self, name: str, *, scopes: Iterable[str] = (SEARCH,), expires_in_s: float | None = None) -> NewKey:
        """Make a key of 256 random bits; raises `InvalidArguments`. Without `expires_in_s` it is good until it is revoked."""
        check_name(name)
        wanted = _known_scopes(scopes)
        if expires_in_s is not None and not 0 < expires_in_s <= _LONGEST_S:
            raise InvalidArguments(f"A key cannot be good for {expires_in_s:g} seconds.", hint="For example: 90 days.")
        secret = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        values = {
            "tenant": self._acting.tenant,
            "name": name,
            "hash": hash_of(secret),
            "start": secret[:_START_CHARACTERS],
            "scopes": list(wanted),
            "expires_in_s": expires_in_s,
        }
        with self._acting.database.connection(WRITE) as connection:

            def create() -> Any:
                row = connection.execute(query("create_key"), values).fetchone()
                record(connection, self._acting, "create key", f"{name} ({secret[:_START_CHARACTERS]}..., {' '.join(wanted)})")
                return row

            return NewKey(secret, _key(in_transaction(connection, self._acting.tenant, create)))

    def list(self) -> Sequence[ApiKey]:
        """Return every key, revoked ones too, the newest first."""
        database = self._acting.database
        with database.reading(self._acting.tenant, database.current) as connection:
            return [_key(row) for row in connection.execute(query("list_keys"), {"tenant": self._acting.tenant}).fetchall()]

    def revoke(self, named: str) -> Sequence[ApiKey]:
        """Revoke the keys of that number or name, from now on; raises `KeyNotFound` when none of them is good."""
        with self._acting.database.connection(WRITE) as connection:

            def revoke() -> list[ApiKey]:
                rows = connection.execute(query("revoke_keys"), {"tenant": self._acting.tenant, "named": named}).fetchall()
                revoked = [_key(row) for row in rows]
                for key in revoked:
                    record(connection, self._acting, "revoke key", f"{key.name} ({key.start}...)")
                return revoked

            found = in_transaction(connection, self._acting.tenant, revoke)
        if not found:
            raise KeyNotFound(f"There is no key {named!r} that is not revoked.", hint="`codetriever keys list` shows them.")
        return found

    def check(self, secret: str, *, scope: str = SEARCH) -> ApiKey:
        """Return the key, of whichever tenant, if it is good for the scope; raises `KeyRejected` and `ScopeMissing`."""
        return check_key(self._acting.database, secret, scope=scope)


def check_key(database: Database, secret: str, *, scope: str = SEARCH) -> ApiKey:
    """Return the key, of whichever tenant, if it is good for the scope: `admin` is good for everything.

    The database is asked each time (below a millisecond), so a key that is revoked is refused from then on. That it was used is noted
    at most once a minute. Raises `KeyRejected` and `ScopeMissing`.
    """
    if not _KEY.fullmatch(secret):
        raise KeyRejected("This is not a key.", hint=f"A key begins with {PREFIX}; `codetriever keys create` makes one.")
    hashed = hash_of(secret)
    with database.connection(database.current) as connection:
        connection.execute(f"BEGIN READ ONLY; SET LOCAL codetriever.key_hash = '{hashed.hex()}'".encode())
        try:
            row = connection.execute(query("check_key"), {"hash": hashed}).fetchone()
        finally:
            connection.execute("ROLLBACK")
    if row is None:
        raise KeyRejected("The key is not known here, has expired or was revoked.", hint="Ask whoever gave it to you for another.")
    *columns, is_to_be_noted = row
    key = _key(columns)
    if is_to_be_noted:
        _note_use(database, key)
    if scope not in key.scopes and ADMIN not in key.scopes:
        raise ScopeMissing(f"The key {key.name} is not good for {scope}, but for: {', '.join(key.scopes)}.", hint="Use another key.")
    return key


def hash_of(secret: str) -> bytes:
    """Return what is stored of a key.

    A plain SHA-256: slow, salted hashes protect words that people choose, from lists of such words. Nobody guesses 256 random bits, and
    this is computed for every request.
    """
    return hashlib.sha256(secret.encode()).digest()


def _note_use(database: Database, key: ApiKey) -> None:
    """Note that a key is used; that it could not be noted is no reason to refuse it."""
    tenant = UUID(key.tenant_id)
    try:
        with database.connection(WRITE) as connection:
            in_transaction(connection, tenant, lambda: connection.execute(query("note_key_use"), {"tenant": tenant, "key": key.key_id}))
    except CodetrieverError:
        return


def _known_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted = (scopes,) if isinstance(scopes, str) else tuple(scopes)
    if not wanted or set(wanted) - set(SCOPES):
        raise InvalidArguments(f"A key cannot have the scopes {', '.join(map(repr, wanted))}.", hint=f"Scopes are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _key(row: Sequence[Any]) -> ApiKey:
    key_id, tenant_id, name, start, scopes, *times = row
    return ApiKey(key_id, tenant_id, name, start, tuple(scopes), *times)
