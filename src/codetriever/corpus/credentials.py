"""Is this file there to hold secrets? Such files are never indexed."""

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
