"""Is this a secret? Credential files are never indexed, and key-shaped strings are masked in what is shown."""

from __future__ import annotations

import re

from codetriever.corpus.languages import CONFIG_LANGUAGES, EXTENSIONS

_NAMES = frozenset(
    {
        ".dockercfg",
        ".git-credentials",
        ".htpasswd",
        ".netrc",
        ".pgpass",
        ".pypirc",
        "_netrc",
        "credentials",
        "id_dsa",
        "id_ecdsa",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ed25519_sk",
        "id_rsa",
        "master.key",
        "secring.gpg",
        "terraform.tfstate",
    }
)
_FOLDER_NAMES = frozenset({".aws/credentials", ".docker/config.json", ".kube/config", ".config/gh/hosts.yml", ".azure/accesstokens.json"})
_EXTENSIONS = (
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdb",
    ".kdbx",
    ".ppk",
    ".p8",
    ".asc.key",
    ".tfstate",
    ".keytab",
    ".pkcs12",
    ".bks",
    ".jceks",
)
_PLACEHOLDERS = frozenset({"example", "sample", "template", "dist", "default", "defaults", "tpl", "tmpl", "schema"})
_ENV_NAME = re.compile(r"(?:\.env(?:rc)?|.*\.env)(?:[.\-_][\w.\-]*)?")
_CODE_ENV = re.compile(r".*\.env\.(?:[cm]?[jt]sx?|py|rb|go|rs|php|java|kt|d\.ts)")

# An armoured key, as a file holds it or as a string in JSON or source code does; a body of dots or words is an example.
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\+[nr]|[\s\"'`+,;])*"
    rb"(?:[A-Za-z-]+: [^\n\\]*(?:\\n|\n)(?:\\n|\s)*)*[A-Za-z0-9+/]{40}"
)
_PUTTY_KEY = re.compile(rb"\APuTTY-User-Key-File-\d")
_NPM_PASSWORD = re.compile(rb"_(?:authToken|auth|password)\s*=\s*[^\s$]")
_ARMOUR = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)

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
_KEY_LINES = re.compile(r"""^(?:[ \t"'`+]*[A-Za-z0-9+/]{64}(?:\\n)?["'`+,; \t]*\r?\n){3,}""", re.MULTILINE)
_SHOWN = re.compile(r"\S")
_HEXADECIMAL = re.compile(r"[0-9a-f\s]*|[0-9A-F\s]*")


def is_credential_name(path: str) -> bool:
    """Say whether a file's name alone shows that it holds secrets: `.env` and its kin, private keys, keystores.

    Examples (`.env.example`), public keys and source files (`vite.env.ts`) are none.
    """
    folded = path.lower()
    name = folded.rsplit("/", 1)[-1]
    if ".env" in name and _ENV_NAME.fullmatch(name):
        return not _PLACEHOLDERS.intersection(re.split(r"[.\-_]", name)) and not _CODE_ENV.fullmatch(name)
    return name in _NAMES or name.endswith(_EXTENSIONS) or "/".join(folded.split("/")[-2:]) in _FOLDER_NAMES


def holds_private_key(data: bytes) -> bool:
    """Say whether a private key in armour lies in these bytes; the mere words of its first line do not count."""
    return (b"PRIVATE KEY" in data and _PRIVATE_KEY.search(data) is not None) or _PUTTY_KEY.match(data) is not None


def is_credential_content(path: str, data: bytes) -> bool:
    """Say whether a file is there to hold a private key, or npm's settings to hold a password.

    Source code and prose that quote a key, as tests do, are not: the key is masked where it is shown.
    """
    if path.endswith(".npmrc"):
        return _NPM_PASSWORD.search(data) is not None
    if not holds_private_key(data):
        return False
    if b"-----BEGIN" not in data:
        return True
    language = EXTENSIONS.get(path.rpartition(".")[2].lower(), "text")
    if language in CONFIG_LANGUAGES or language == "text":
        return True
    armoured = sum(len(block[0]) for block in _ARMOUR.finditer(data))
    return armoured * 2 > len(data)


def mask_secrets(text: str) -> str:
    """Replace key-shaped strings by asterisks, as many characters as they have, lines kept."""
    for part, pattern in _SECRETS.items():
        if part in text:
            text = re.sub(pattern, _masked, text)
    if sum(len(line) >= _KEY_LINE_LENGTH and " " not in line.strip() for line in text.split("\n")) >= 3:
        text = _KEY_LINES.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    """Mask what was found, unless it is a list of hexadecimal digests."""
    return found[0] if _HEXADECIMAL.fullmatch(found[0]) else _SHOWN.sub("*", found[0])
