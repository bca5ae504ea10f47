"""Tests of logins."""

from api.sessions import SESSION_LIFETIME_S, Session, hash_password, verify_password


def test_refresh_replaces_the_token():
    session = Session("u1")
    token = session.token
    assert session.refresh().token != token


def test_a_new_session_is_not_expired():
    assert not Session("u1").is_expired
    assert SESSION_LIFETIME_S > 0


def test_a_wrong_password_is_refused():
    stored = hash_password("right", b"salt")
    assert verify_password("right", b"salt", stored)
    assert not verify_password("wrong", b"salt", stored)
