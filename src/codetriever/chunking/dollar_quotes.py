"""Where does an SQL text hold functions in another language? Between dollar quotes.

The body of a function in PL/pgSQL is no SQL, and the SQL grammar loses the function over it. So the statements are one layer, with
blank bodies, and the bodies are another.
"""

from __future__ import annotations

import re

from codetriever.chunking.components import Layer, blank_out

SQL = "sql"
_BODY = re.compile(rb"\bAS\s+(?P<quote>\$\w*\$)(?P<body>.*?)(?:(?P=quote)|\Z)", re.DOTALL | re.IGNORECASE)


def statement_layers(source: bytes) -> list[Layer]:
    """Return the statements of an SQL text and, when there are any, the bodies of its functions."""
    bodies = [found.span("body") for found in _BODY.finditer(source)]
    if not bodies:
        return [Layer(SQL, source)]
    between = zip([0, *(end for _, end in bodies)], [*(start for start, _ in bodies), len(source)], strict=True)
    return [Layer(SQL, blank_out(source, bodies)), Layer(SQL, blank_out(source, between))]
