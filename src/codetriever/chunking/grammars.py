"""Which wheel carries the grammar of a language? One row per language."""

from __future__ import annotations

from typing import NamedTuple


class Grammar(NamedTuple):
    """Where a language's parser comes from: a module, and the function in it that returns the language."""

    module: str
    function: str = "language"


GRAMMARS: dict[str, Grammar] = {
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "go": Grammar("tree_sitter_go"),
    "java": Grammar("tree_sitter_java"),
    "javascript": Grammar("tree_sitter_javascript"),
    "python": Grammar("tree_sitter_python"),
    "rust": Grammar("tree_sitter_rust"),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx"),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript"),
}
