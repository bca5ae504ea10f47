"""Call again what failed for a moment."""

import functools
import random
import time


def backoff_delays(attempts, base_s=0.1, cap_s=10.0):
    """Yield waiting times that double, with jitter, up to a cap."""
    for attempt in range(attempts):
        yield min(cap_s, base_s * 2**attempt) * random.uniform(0.5, 1.0)


def retry(attempts=5, on=(ConnectionError, TimeoutError)):
    """Decorate a function so that it is called again when the network fails it."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for delay in backoff_delays(attempts):
                try:
                    return function(*args, **kwargs)
                except on:
                    time.sleep(delay)
            return function(*args, **kwargs)

        return wrapper

    return decorate
