"""Who is logged in, and for how long."""

import hashlib
import hmac
import secrets
import time

SESSION_LIFETIME_S = 1800
PASSWORD_ROUNDS = 200_000


class Session:
    """One courier's or customer's login."""

    def __init__(self, user_id, token=None):
        self.user_id = user_id
        self.token = token or secrets.token_urlsafe(32)
        self.expires_at = time.time() + SESSION_LIFETIME_S

    @property
    def is_expired(self):
        return time.time() >= self.expires_at

    def refresh(self):
        """Prolong the session and replace its token, so that a stolen one dies soon."""
        self.token = secrets.token_urlsafe(32)
        self.expires_at = time.time() + SESSION_LIFETIME_S
        return self


def hash_password(password, salt):
    """Derive the stored form of a password."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, PASSWORD_ROUNDS)


def verify_password(password, salt, stored):
    """Compare in constant time."""
    return hmac.compare_digest(hash_password(password, salt), stored)
