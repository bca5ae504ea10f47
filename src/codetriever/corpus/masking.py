"""Which parts of a text look like keys? They are masked in whatever is shown."""

from __future__ import annotations

import re

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
        ("://", r"""(?<=://)[^\s:/@'"{}$<>]{1,64}:[^\s:/@'"{}$<>]{6,128}(?=@[\w.-]+)"""),
    )
)
# A piece of a key that has neither its first nor its last line: 64 characters to the line.
_KEY_LINE_LENGTH = 64
_KEY_LINES = r"""(?m)^(?:[ \t"'`+]*[A-Za-z0-9+/]{64}(?:\\n)?["'`+,; \t]*\r?\n){3,}"""
_HEXADECIMAL = r"[0-9a-f\s]*|[0-9A-F\s]*"


def mask_secrets(text: str) -> str:
    """Replace key-shaped strings by asterisks, as many characters as they have, lines kept."""
    for part, pattern in _SECRETS.items():
        if part in text:
            text = re.sub(pattern, _masked, text)
    long = [line for line in text.split("\n") if len(line) >= _KEY_LINE_LENGTH]
    if len(long) >= 3 and sum(" " not in line.strip() for line in long) >= 3:
        text = re.sub(_KEY_LINES, _masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    """Mask what was found, unless it is a list of hexadecimal digests."""
    return found[0] if re.fullmatch(_HEXADECIMAL, found[0]) else re.sub(r"\S", "*", found[0])
