"""Where are the symbols defined that a question names?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codetriever.search.query import is_qualified_as, simple_name
from codetriever.types import KIND_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.store.store import Snapshot

# What a definition is worth to somebody who asks for its name. A type is what the name usually means where a function or a field
# is called the same; the spelling tells them apart in most languages.
_KIND_VALUE = np.full(len(KIND_CODES), 0.9, dtype=np.float32)
_KIND_VALUE[[KIND_CODES[kind] for kind in ("class", "struct", "enum", "trait", "interface", "type", "module", "table", "union")]] = 1.0
_KIND_VALUE[[KIND_CODES[kind] for kind in ("variable", "field", "impl", "section", "namespace")]] = 0.7
_OTHER_CASE = 0.5


def defined_symbols(snapshot: Snapshot, identifiers: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the chunks that define a named symbol, ascending, and what each definition is worth, in 0..1.

    Of a qualified name only definitions so qualified count, if there are any.
    """
    best: dict[int, float] = {}
    for identifier in identifiers:
        name = simple_name(identifier)
        defined = snapshot.defined(name)
        rows = [row for row, full in enumerate(defined.qualified_names) if is_qualified_as(full, identifier)]
        for row in rows or range(len(defined.names)):
            value = float(_KIND_VALUE[defined.kinds[row]]) * (1.0 if defined.names[row] == name else _OTHER_CASE)
            chunk = int(defined.chunks[row])
            best[chunk] = max(best.get(chunk, 0.0), value)
    ordinals = np.array(sorted(best), dtype=np.int64)
    return ordinals, np.array([best[chunk] for chunk in ordinals.tolist()], dtype=np.float32)
