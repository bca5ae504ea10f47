"""Which wheel carries the grammar of a language? One row per language."""

from __future__ import annotations

from typing import NamedTuple


class Grammar(NamedTuple):
    """Where a language's parser comes from: a module, and the function in it that returns the language."""

    module: str
    function: str = "language"


GRAMMARS: dict[str, Grammar] = {
    "bash": Grammar("tree_sitter_bash"),
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "elixir": Grammar("tree_sitter_elixir"),
    "go": Grammar("tree_sitter_go"),
    "haskell": Grammar("tree_sitter_haskell"),
    "java": Grammar("tree_sitter_java"),
    "javascript": Grammar("tree_sitter_javascript"),
    "kotlin": Grammar("tree_sitter_kotlin"),
    "lua": Grammar("tree_sitter_lua"),
    "php": Grammar("tree_sitter_php", "language_php"),
    "python": Grammar("tree_sitter_python"),
    "ruby": Grammar("tree_sitter_ruby"),
    "rust": Grammar("tree_sitter_rust"),
    "scala": Grammar("tree_sitter_scala"),
    "sql": Grammar("tree_sitter_sql"),
    "swift": Grammar("tree_sitter_swift"),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx"),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript"),
    "zig": Grammar("tree_sitter_zig"),
}
