"""TOML as people keep it: add or remove one table, and leave every other character as it is."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_table(text: str, path: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Return the text with the table `[path]` at its end, or in its place when it is there. Raises `tomllib.TOMLDecodeError`."""
    if _at(tomllib.loads(text), path) == values:
        return text
    block = f"[{'.'.join(path)}]\n" + "".join(f"{name} = {_written(value)}\n" for name, value in values.items())
    span = _span(text, path)
    if span is not None:
        changed = text[: span[0]] + block + text[span[1] :]
    else:
        changed = text + ("" if not text or text.endswith("\n") else "\n") + ("\n" if text.strip() else "") + block
    if _at(tomllib.loads(changed), path) != values:
        raise tomllib.TOMLDecodeError(f"{'.'.join(path)} is written in a way that cannot be changed safely")
    return changed


def without_table(text: str, path: tuple[str, ...]) -> str:
    """Return the text without that table. Raises `tomllib.TOMLDecodeError`."""
    if _at(tomllib.loads(text), path) is None:
        return text
    span = _span(text, path)
    if span is None:
        raise tomllib.TOMLDecodeError(f"{'.'.join(path)} is written in a way that cannot be changed safely")
    before, after = text[: span[0]], text[span[1] :]
    changed = (before.removesuffix("\n") if before.endswith("\n\n") and not after else before) + after
    tomllib.loads(changed)
    return changed


def _span(text: str, path: tuple[str, ...]) -> tuple[int, int] | None:
    """Return where the table and its sub-tables begin and end, comments and blank lines before the next table left to that one."""
    parts = r"\s*\.\s*".join(rf"(?:{re.escape(part)}|\"{re.escape(part)}\"|'{re.escape(part)}')" for part in path)
    header = re.compile(rf"^[ \t]*\[\s*{parts}\s*(?:\.[^\]\n]*)?\][ \t]*(?:#[^\n]*)?$", re.MULTILINE)
    found = list(header.finditer(text))
    if not found:
        return None
    following = re.compile(r"^[ \t]*\[", re.MULTILINE)
    end = next((one.start() for one in following.finditer(text, found[-1].end())), len(text))
    kept = re.search(r"(?:^[ \t]*(?:#[^\n]*)?\n)*\Z", text[:end], re.MULTILINE)
    return found[0].start(), kept.start() if kept and end < len(text) else end


def _at(table: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        table = table.get(part) if isinstance(table, dict) else None
    return table


def _written(value: Any) -> str:
    """Return a text or a list of texts; what JSON escapes, TOML escapes alike."""
    return json.dumps(value, ensure_ascii=False)
