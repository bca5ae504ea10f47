"""What does an evaluation look like? Bars, as an SVG that needs no library and no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codetriever.evaluation.trial import Evaluation, Measured

_ROW, _BAR, _PANEL, _GAP = 22, 15, 190, 26  # pixels
_LETTER = 6.7  # pixels, more than the mean letter of a sans-serif of size 12 takes
_COLOURS = ("#4472a8", "#d08a3c", "#5f9e6e", "#9b6bb3", "#b55d60", "#7f7f7f")
_PANELS: tuple[tuple[str, Callable[[Measured], float], str, float | None], ...] = (
    ("NDCG@10, files", lambda one: one.ndcg10, ".3f", 1.0),
    ("right lines among ten", lambda one: one.recall10, ".3f", 1.0),
    ("tokens until then, less is better", lambda one: one.tokens, ",.0f", 8000.0),
    ("median latency, ms", lambda one: one.p50_ms, ".1f", None),
)


def plot(evaluation: Evaluation) -> str:
    """Draw one row for each setting and kind of question, one panel for each measure; returns the text of an SVG file."""
    rows = evaluation.measured
    rankings = list(dict.fromkeys(one.ranking for one in rows))
    top = 64
    labels = round(_LETTER * max((len(_label(one)) for one in rows), default=0)) + 24
    width = labels + len(_PANELS) * (_PANEL + _GAP)
    height = top + _ROW * len(rows) + 16
    title = f"{evaluation.repository} {evaluation.commit[:12]}: {len(evaluation.questions)} questions of its own".replace("  ", " ")
    parts = [_text(12, 24, title, size=15, bold=True)]
    parts += [_text(labels - 8, top + _ROW * at + 12, _label(one), anchor="end") for at, one in enumerate(rows)]
    for number, (name, value, form, most) in enumerate(_PANELS):
        left = labels + number * (_PANEL + _GAP)
        parts.append(_text(left, top - 12, name))
        parts += _bars(rows, rankings, left=left, top=top, value=value, form=form, most=most)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])


def _bars(
    rows: Sequence[Measured],
    rankings: Sequence[str],
    *,
    left: int,
    top: int,
    value: Callable[[Measured], float],
    form: str,
    most: float | None,
) -> list[str]:
    """One bar for each row, as long as its value is of `most` or else of the largest; its ranking decides its colour."""
    full = most or max(map(value, rows), default=0.0) or 1.0
    parts = []
    for at, one in enumerate(rows):
        length = min(value(one) / full, 1.0) * (_PANEL - 46)
        colour = _COLOURS[rankings.index(one.ranking) % len(_COLOURS)]
        y = top + _ROW * at
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>')
        parts.append(_text(left + length + 4, y + 12, format(value(one), form), size=11))
    return parts


def _label(one: Measured) -> str:
    return f"{one.kind}, {one.embedder}, {one.ranking}"


def _text(x: float, y: float, text: str, *, size: int = 12, bold: bool = False, anchor: str = "start") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
