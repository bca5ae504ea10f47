"""How does a value look to a program?

Every interface prints the same JSON: the value types of `types.py` as objects, in the order of their fields, without what is empty. JSON is
always valid Unicode: bytes of a path or a text that are none become U+FFFD, and such a path is repeated in full as `path_bytes`, base64.
"""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, Final

# Said only when there is something to say; every other field is always there.
OPTIONAL_FIELDS: Final = frozenset({"repository", "branch", "signals", "note", "signature", "detail", "weak", "replica_lag_s"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# JSON may hold these as they are, but a terminal would obey them.
_TERMINAL_CONTROL: Final = re.compile("[\x7f-\x9f]")
_SCORE_DIGITS: Final = 4


def as_value(thing: Any) -> Any:
    """Turn a value of `types.py`, or anything made of such values, into what `json` can write."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return _object({one.name: getattr(thing, one.name) for one in fields(thing)})
    if isinstance(thing, dict):
        return _object(thing)
    if isinstance(thing, list | tuple | set | frozenset):
        return [as_value(one) for one in thing]
    if isinstance(thing, str):
        return clean(thing)
    if isinstance(thing, float):
        return round(thing, _SCORE_DIGITS) if math.isfinite(thing) else None
    if isinstance(thing, PurePath):
        return clean(str(thing))
    return thing.item() if hasattr(thing, "item") else thing


def _object(values: dict[str, Any]) -> dict[str, Any]:
    kept = {clean(str(name)): as_value(value) for name, value in values.items() if value or name not in OPTIONAL_FIELDS}
    path = values.get("path")
    if isinstance(path, str) and _SURROGATE.search(path):
        import base64

        with suppress(UnicodeEncodeError):  # half a character, which stands for no byte: nothing on disk is called so
            kept["path_bytes"] = base64.b64encode(os.fsencode(path)).decode()
    return kept


def clean(text: str) -> str:
    """Replace what is no Unicode character by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def encode(thing: Any, *, indent: int | None = None) -> bytes:
    """Write a value as one JSON text in UTF-8, without a line feed at its end."""
    text = json.dumps(as_value(thing), ensure_ascii=False, allow_nan=False, indent=indent)
    return _TERMINAL_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
