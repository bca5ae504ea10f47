"""Responses and how they become bytes."""

import gzip
import json

MIN_COMPRESSED_BYTES = 1400


class JsonResponse:
    """A status and a value that is sent as JSON."""

    def __init__(self, value, status=200, headers=None):
        self.value = value
        self.status = status
        self.headers = {"Content-Type": "application/json", **(headers or {})}

    def body(self, accepts_gzip=False):
        data = json.dumps(self.value, separators=(",", ":")).encode()
        if accepts_gzip and len(data) >= MIN_COMPRESSED_BYTES:
            self.headers["Content-Encoding"] = "gzip"
            return gzip.compress(data)
        return data


class Redirect(JsonResponse):
    def __init__(self, location, permanent=False):
        super().__init__({}, status=308 if permanent else 307, headers={"Location": location})
