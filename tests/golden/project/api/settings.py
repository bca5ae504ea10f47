"""Read settings from the environment."""

import os

DEFAULTS = {"HARBOUR_PORT": "8080", "HARBOUR_DATABASE": "postgres://localhost/harbour", "HARBOUR_LOG_LEVEL": "info"}


def load_settings(environ=os.environ):
    """Return every setting, from its variable or the default."""
    return {name: environ.get(name, default) for name, default in DEFAULTS.items()}


def parse_duration(text):
    """Turn `90s`, `15m` or `2h` into seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return int(text[:-1]) * units[text[-1]]
