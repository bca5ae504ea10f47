"""How is a service asked over HTTP, and what if it does not answer?

One JSON text goes out, one comes back, over connections that are kept. What says "not now" (408, 429, 5xx, or nothing at all) is asked
again, later each time, and when it names a time, then; all requests wait together. A request has a time limit from its first byte to
the last of the answer. Redirections are not followed: the key would go along.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import socket
import ssl
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from codetriever.errors import EmbedderFailed, InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ATTEMPTS, UNREACHABLE_ATTEMPTS = 6, 3
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_LARGEST_ANSWER_BYTES: Final = 64 << 20
_READ_BYTES: Final = 1 << 16
_SHOWN_CHARACTERS: Final = 200
_KEPT: Final = "What is indexed so far is kept; try again later."
_Answer = tuple[int, "Mapping[str, str]", bytes]


class Service:
    """One address that is asked by POST, by several threads at once."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        header: tuple[str, str] = ("Authorization", "Bearer "),
        key: str = "",
        key_variable: str = "",
        timeout_s: float = 30.0,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to ask; nothing is sent yet. The key goes behind the header's lead; raises `InvalidSetting` for what is no address."""
        self._where = urlsplit(url)
        if self._where.scheme not in ("http", "https") or not self._where.hostname or self._where.username:
            shown = url.replace(f"{self._where.username}:{self._where.password}@", "…@")
            raise InvalidSetting(
                f"The service's address is {shown!r}.",
                hint="remote_url is https://HOST/PATH or http://HOST:PORT/PATH, without a key.",
            )
        self._name = name
        self._header = header
        self._key = key
        self._key_variable = key_variable
        self._timeout_s = timeout_s
        self._proxy = urlsplit((proxies or {}).get(self._where.scheme, ""))
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        weakref.finalize(self, _close, self._idle)
        self._not_before = 0.0
        self._interrupted = threading.Event()

    def ask(self, body: Mapping[str, Any]) -> Any:
        """Send one request, several times if need be, and return what the answer holds; raises `EmbedderFailed`."""
        data = json.dumps(body).encode()
        interrupted = self._interrupted
        problem = ""
        for attempt in range(ATTEMPTS):
            if interrupted.wait(max(0.0, self._not_before - time.monotonic())):
                raise self.failed("was interrupted")
            try:
                status, headers, answer = self._exchange(data)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise self.failed(_why(error, self._timeout_s), "Its certificate is not one that this machine trusts.") from None
                problem = _why(error, self._timeout_s)
                if attempt + 1 >= UNREACHABLE_ATTEMPTS:
                    break
                self._postpone(attempt, None)
                continue
            if status == http.HTTPStatus.OK:
                return self._parsed(answer)
            problem = self._described(status, headers, answer)
            if status not in AGAIN:
                raise self.failed(problem, self._hint(status))
            delay_s = seconds_of(headers.get("retry-after", ""))
            if delay_s is not None and delay_s > LONGEST_WAIT_S:
                raise self.failed(f"{problem}; it wants to be left alone for {delay_s:.0f} s", _KEPT)
            self._postpone(attempt, delay_s)
        raise self.failed(f"{problem}, {attempt + 1} times", _KEPT)

    def interrupt(self) -> None:
        """Let every request that is under way fail at once; later ones are not touched."""
        with self._lock:
            self._interrupted.set()
            self._interrupted = threading.Event()
            for connection in self._busy:
                _cut_off(connection)

    def failed(self, what: str, hint: str = "") -> EmbedderFailed:
        """Return the error that says what the service did."""
        return EmbedderFailed(f"{self._name} ({self._where.scheme}://{self._where.netloc}) {what}.", hint=hint)

    def _parsed(self, answer: bytes) -> Any:
        try:
            return json.loads(answer)
        except ValueError:
            raise self.failed("answered with something that is no JSON", "Is remote_url right?") from None

    def _exchange(self, data: bytes) -> _Answer:
        """Send and receive within the time limit; a kept connection that the service has closed meanwhile is replaced."""
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        try:
            return self._once(kept or self._connection(), data)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if kept is None:
                raise
            return self._once(self._connection(), data)

    def _once(self, connection: http.client.HTTPConnection, data: bytes) -> _Answer:
        try:
            with self._limited(connection):
                connection.request("POST", self._target(), data, self._headers())
                response = connection.getresponse()
                parts, total = [], 0
                while part := response.read1(_READ_BYTES):
                    parts.append(part)
                    total += len(part)
                    if total > _LARGEST_ANSWER_BYTES:
                        raise http.client.HTTPException("its answer is too long")
                if response.length:
                    raise http.client.IncompleteRead(b"", response.length)
                response.close()  # only then can the connection be used again
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return response.status, {name.lower(): value for name, value in response.getheaders()}, b"".join(parts)

    @contextmanager
    def _limited(self, connection: http.client.HTTPConnection) -> Iterator[None]:
        """Cut the connection off when the block takes too long, however slowly it goes on, or when it is interrupted."""
        late = threading.Event()

        def end() -> None:
            late.set()
            _cut_off(connection)

        timer = threading.Timer(self._timeout_s, end)
        timer.daemon = True
        with self._lock:
            self._busy.add(connection)
        timer.start()
        try:
            yield
            if late.is_set():
                raise TimeoutError
        except (OSError, http.client.HTTPException) as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            with self._lock:
                self._busy.discard(connection)

    def _connection(self) -> http.client.HTTPConnection:
        where = self._proxy if self._proxy.hostname else self._where
        host = where.hostname or ""
        if self._where.scheme == "http":
            return http.client.HTTPConnection(host, where.port, timeout=self._timeout_s)
        connection = http.client.HTTPSConnection(host, where.port, timeout=self._timeout_s, context=ssl.create_default_context())
        if self._proxy.hostname:
            connection.set_tunnel(self._where.hostname or "", self._where.port)
        return connection

    def _target(self) -> str:
        """Return what stands behind POST: the path, and for a proxy that is asked in the clear the whole address."""
        if self._proxy.hostname and self._where.scheme == "http":
            return self._where.geturl()
        return self._where.path + (f"?{self._where.query}" if self._where.query else "")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "codetriever"}
        if self._key:
            name, lead = self._header
            headers[name] = lead + self._key
        return headers

    def _postpone(self, attempt: int, delay_s: float | None) -> None:
        """Let every request wait: as long as the service says, else twice as long after each failure, less a random part."""
        if delay_s is None:
            delay_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.0)
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + delay_s)

    def _described(self, status: int, headers: Mapping[str, str], answer: bytes) -> str:
        """Say what the service said, without the key that it may repeat."""
        if status in (401, 403):
            return f"answered {status}: it refuses the key" if self._key else f"answered {status}: it wants a key"
        if 300 <= status < 400:
            return f"answered {status}: it is at {headers.get('location', 'another place')} now"
        text = " ".join(answer[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace").split())
        text = (text.replace(self._key, "…") if self._key else text)[:_SHOWN_CHARACTERS]
        return f"answered {status}: {text}" if text else f"answered {status}"

    def _hint(self, status: int) -> str:
        if status in (401, 403):
            return f"The key is read from {' or '.join(filter(None, ('CODETRIEVER_REMOTE_KEY', self._key_variable)))}."
        return "Are remote_url and the model's name right?" if status in (404, 405) or 300 <= status < 400 else ""


def seconds_of(retry_after: str) -> float | None:
    """Return how long a `Retry-After` header, in seconds or a date, asks to wait; None when it says neither (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None


def _close(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _cut_off(connection: http.client.HTTPConnection) -> None:
    """End a connection that another thread waits for."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"did not answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLError):
        return f"cannot be trusted: {error.reason or error}"
    return f"cannot be reached: {error}" if str(error) else f"cannot be reached: {type(error).__name__}"
