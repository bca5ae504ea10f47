"""Which parts of a text look like keys? They are masked in whatever is shown."""

from __future__ import annotations

import re
from string import ascii_letters, digits
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What a key looks like, by a part that every key of its kind has: looking for the parts first is sixty times faster than
# one expression for all, and nearly every text has none of them. So they are compiled when one is needed, not at every start.
_SECRETS = dict(
    (
        *((part, rf"\b{part}[0-9A-Z]{{16}}\b") for part in ("AKIA", "ASIA", "ABIA", "ACCA")),
        *((part, rf"\b{part}[A-Za-z0-9]{{36,255}}\b") for part in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
        ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,255}\b"),
        ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("sk-", r"\bsk-(?:proj-|ant-|svcacct-|admin-|or-)?[A-Za-z0-9_-]{32,}"),
        ("k_live_", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
        ("k_test_", r"\b[rs]k_test_[A-Za-z0-9]{16,}"),
        ("AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("ya29.", r"\bya29\.[0-9A-Za-z_-]{20,}"),
        ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}"),
        ("hf_", r"\bhf_[A-Za-z]{34}\b"),
        ("dop_v1_", r"\bdop_v1_[0-9a-f]{64}\b"),
        ("SG.", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
        ("ct_", r"\bct_[A-Za-z0-9_-]{32,}"),
        (".eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("PRIVATE KEY-----", r"(?<=PRIVATE KEY-----)[^-]{40,}"),
        ("PRIVATE KEY BLOCK-----", r"(?<=PRIVATE KEY BLOCK-----)[^-]{40,}"),
        ("-----END ", r"""(?:[A-Za-z0-9+/]{16,76}={0,2}(?:\\n|[\s"'`+,;])+)+(?=-----END [A-Z ]*PRIVATE KEY)"""),
        ("://", r"""://([^\s:/@'"{}$<>]{1,64}:[^\s:/@'"{}$<>]{6,128})(?=@[\w.-]+)"""),
    )
)
# What a key is written in, and how long it is at least. These parts are not of such a key: they stand beside one or begin a shorter one.
_KEY_CHARACTERS = f"{ascii_letters}{digits}_.+/-".encode()
_IS_OTHER = bytes(byte not in _KEY_CHARACTERS for byte in range(256))  # 0 for what a key is written in, 1 for anything else
_SHORTEST_KEY = 20
_OTHERS = frozenset(("xox", "://"))
_ARMOUR = "-----"  # of the other parts beside a key, all have this
_WITH_ARMOUR = _OTHERS | {part for part in _SECRETS if _ARMOUR in part}
# A piece of a key that has neither its first nor its last line: 64 characters to the line.
_KEY_LINE_LENGTH, _FEWEST_KEY_LINES = 64, 3
_KEY_LINES = r"""(?m)^(?:[ \t"'`+]*[A-Za-z0-9+/]{64}(?:\\n)?["'`+,; \t]*\r?\n){3,}"""
_HEXADECIMAL = r"[0-9a-f\s]*|[0-9A-F\s]*"


def mask_secrets(text: str) -> str:
    """Replace key-shaped strings by asterisks, as many characters as they have, lines kept."""
    return _without_key_lines(_without_keys(text, _SECRETS))


def mask_page(texts: Sequence[str]) -> Sequence[str]:
    """Do what `mask_secrets` does to each of several texts, in half the time.

    What keys have in them is sought once, and in the long words of all texts alone: there are few, and most pages are done with that.
    """
    page = "\n".join(texts)
    words = _long_words(page)
    joined = " ".join(words)
    others = _WITH_ARMOUR if _ARMOUR in page else _OTHERS
    places = {part: page if part in others else joined for part in _SECRETS}
    parts = [part for part, place in places.items() if part in place]
    if any(re.search(_SECRETS[part], places[part]) for part in parts):  # `object_of_some_length` has a part of a key in it, and no key
        texts = [_without_keys(text, parts) for text in texts]
    if sum(len(word) >= _KEY_LINE_LENGTH for word in words) >= _FEWEST_KEY_LINES:
        texts = [_without_key_lines(text) for text in texts]
    return texts


def _without_keys(text: str, parts: Iterable[str]) -> str:
    for part in parts:
        if part in text:
            text = re.sub(_SECRETS[part], _masked, text)
    return text


def _without_key_lines(text: str) -> str:
    long = [line for line in text.split("\n") if len(line) >= _KEY_LINE_LENGTH]
    if len(long) >= _FEWEST_KEY_LINES and sum(" " not in line.strip() for line in long) >= _FEWEST_KEY_LINES:
        text = re.sub(_KEY_LINES, _masked, text)
    return text


def _long_words(text: str) -> list[str]:
    """Return the runs of characters that could be a key."""
    data = f"\n{text}\n".encode("utf-8", "surrogatepass")
    ends = np.flatnonzero(np.frombuffer(data.translate(_IS_OTHER), np.bool_))
    long = np.flatnonzero(ends[1:] - ends[:-1] > _SHORTEST_KEY)
    return [data[before + 1 : end].decode() for before, end in zip(ends[long].tolist(), ends[long + 1].tolist(), strict=True)]


def _masked(found: re.Match[str]) -> str:
    """Mask what was found, or the group of it that is the secret, unless it is a list of hexadecimal digests."""
    secret = found[found.lastindex or 0]
    return found[0] if re.fullmatch(_HEXADECIMAL, secret) else found[0].removesuffix(secret) + re.sub(r"\S", "*", secret)
