from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.corpus.credentials import holds_private_key, is_credential_content, is_credential_name
from codetriever.corpus.masking import mask_page, mask_secrets

LINE = "MIIEpAIBAAKCAQEA7v0Q8d1yJx8l2mS0b3o5wq6rZ9tUuVvWwXxYyZz012345678"
BODY = f"{LINE[:64]}\n" * 5


def armour(kind: str, body: str = BODY) -> str:
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n"


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "a/.env.local", ".env.production", "prod.env", ".ENV", ".envrc", "config/.env-staging", ".env.backup"),
        *(
            "id_rsa",
            "home/.ssh/id_ed25519",
            "server.p12",
            "a.pfx",
            "release.keystore",
            "debug.jks",
            "vault.kdbx",
            "login.ppk",
            "AuthKey.p8",
        ),
        *(".netrc", ".pypirc", ".git-credentials", ".aws/credentials", ".docker/config.json", ".htpasswd", "terraform.tfstate"),
    ],
)
def test_credential_files_are_known_by_name(path: str) -> None:
    assert is_credential_name(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env.example",
            ".env.sample",
            "a/.env.template",
            ".env.dist",
            ".env.local.example",
            "example.env",
            "src/env.py",
            "src/vite.env.ts",
        ),
        *(
            "vite-env.d.ts",
            "app.env.js",
            "environment",
            "id_rsa.pub",
            "id_ed25519.pub",
            "config.json",
            "credentials.py",
            "src/keystore.go",
            "key.pem",
        ),
        *("my.environment.ts", "test.env.rb", "docs/.environment.md"),
    ],
)
def test_examples_public_keys_and_source_are_no_credentials(path: str) -> None:
    assert not is_credential_name(path)


@pytest.mark.parametrize(
    "kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_private_keys_are_known_by_content(kind: str) -> None:
    key = armour(kind)
    for text in (key, key.replace("\n", "\r\n"), "# comment\n" + key, "key: |\n  " + key.replace("\n", "\n  ")):
        assert holds_private_key(text.encode())
        assert is_credential_content("some/file", text.encode())
    assert holds_private_key(armour(kind, f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\n{BODY}").encode())
    assert is_credential_content("account.json", ('{"private_key": "' + key.replace("\n", "\\n") + '"}').encode())
    assert is_credential_content("bundle", (armour("CERTIFICATE", BODY * 4) + key).encode())


def test_npm_settings_are_credentials_when_they_hold_a_password() -> None:
    assert is_credential_content(".npmrc", b"//registry.example.org/:_authToken=npm_abc\n")
    assert not is_credential_content(".npmrc", b"save-exact = true\n//registry.example.org/:_authToken=${TOKEN}\n")


def test_putty_keys_are_known_by_content() -> None:
    assert is_credential_content("key", b"PuTTY-User-Key-File-3: ssh-ed25519\n")


@pytest.mark.parametrize(
    "text",
    [
        armour("CERTIFICATE"),
        armour("PUBLIC KEY"),
        armour("PGP PUBLIC KEY BLOCK"),
        "ssh-rsa AAAAB3NzaC1yc2E me@here\n",
        "if line == '-----BEGIN RSA PRIVATE KEY-----':\n    return parse_private_key_with_a_long_function_name(line)\n",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n<your key here>\n-----END PRIVATE KEY-----\n",
    ],
)
def test_public_keys_and_mentions_are_no_private_keys(text: str) -> None:
    assert not holds_private_key(text.encode())


def test_source_that_quotes_a_key_is_no_key_file_but_the_key_is_masked() -> None:
    quoted = "const key = `" + armour("RSA PRIVATE KEY") + "`\n"
    source = "func TestParse(t *testing.T) {\n\tparse(key)\n}\n" * 20 + quoted
    assert not is_credential_content("parse_test.go", source.encode())
    assert is_credential_content("key.go", quoted.encode())
    masked = mask_secrets(source)
    assert LINE[:20] not in masked
    assert "TestParse" in masked
    assert "-----BEGIN RSA PRIVATE KEY-----" in masked


SECRETS = (
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2c3D4_" * 8,
    "glpat-" + "x1Y2" * 6,
    "xoxb-123456789012-abcdefABCDEF",
    "sk-proj-" + "a1B2" * 10,
    "sk_live_" + "a1B2" * 6,
    "AIza" + "a1B2c3D" * 5,
    "npm_" + "a1B2" * 9,
    "pypi-" + "a1B2" * 14,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlX29mX2l0",
    "ct_" + "a1B2" * 10,
)


@pytest.mark.parametrize("secret", SECRETS)
def test_key_shaped_strings_are_masked(secret: str) -> None:
    text = f'token = "{secret}"  # kept\n'
    assert mask_secrets(text) == f'token = "{"*" * len(secret)}"  # kept\n'


PIECES = (
    *SECRETS,
    "xoxb-1234567890",
    armour("RSA PRIVATE KEY"),
    LINE + "\n",
    "a://b:hunter22@c",
    "sha_of_a_long_word",
    " ",
    "\n",
    "\ud800é",
)


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=4))
def test_a_page_is_masked_like_each_of_its_texts(texts: list[str]) -> None:
    assert list(mask_page(texts)) == [mask_secrets(text) for text in texts]


def test_passwords_in_addresses_are_masked() -> None:
    assert mask_secrets("postgres://user:hunter22@host/db") == "postgres://*************@host/db"


@pytest.mark.parametrize("cut", ["head", "middle", "tail"])
def test_a_piece_of_a_key_is_masked_too(cut: str) -> None:
    lines = armour("RSA PRIVATE KEY").splitlines(keepends=True)
    piece = "".join({"head": lines[:4], "middle": lines[1:6], "tail": lines[3:]}[cut])
    assert not re.search("[A-Za-z0-9+/]{20}", mask_secrets(piece))


@pytest.mark.parametrize(
    "text",
    [
        "def sk_learn_test(): pass",
        "https://example.org/a:b@c",
        "http://localhost:8080/path",
        "sha = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n" * 4,
        "import akia_module, AKIARON",
        "task-with-a-very-long-name-that-is-not-a-key-at-all",
        "a + b / c\n" * 10,
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask_secrets(text) == text


@given(st.text(alphabet="AKIAghp_sk-01aZ-=\n /:@\"'.BEGINPRVTKY", max_size=300))
def test_masking_keeps_every_offset_and_line(text: str) -> None:
    masked = mask_secrets(text)
    assert len(masked) == len(text)
    assert [len(line) for line in masked.split("\n")] == [len(line) for line in text.split("\n")]
    assert all(new in (old, "*") for old, new in zip(text, masked, strict=True))


def test_masking_a_long_line_is_quick() -> None:
    for text in (
        "A" * 200_000,
        "a:" * 100_000,
        "://" * 60_000,
        "eyJ" * 60_000,
        "-----BEGIN" * 20_000,
        "sk-" * 60_000,
        "AAAAAAAAAAAAAAAA " * 10_000,
    ):
        assert len(mask_secrets(text)) == len(text)
        assert not holds_private_key(text.encode())
