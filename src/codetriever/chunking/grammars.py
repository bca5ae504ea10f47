"""Which wheel carries the grammar of a language? One row per language."""

from __future__ import annotations

from typing import NamedTuple


class Grammar(NamedTuple):
    """Where a language's parser comes from: a module, and the function in it that returns the language.

    `queries` names the language whose queries serve this one too, for dialects; queries of its own are added to them.
    """

    module: str
    function: str = "language"
    queries: str = ""


GRAMMARS: dict[str, Grammar] = {
    "arduino": Grammar("tree_sitter_cpp", queries="cpp"),
    "bash": Grammar("tree_sitter_bash"),
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "css": Grammar("tree_sitter_css"),
    "cuda": Grammar("tree_sitter_cpp", queries="cpp"),
    "dart": Grammar("tree_sitter_dart"),
    "dockerfile": Grammar("tree_sitter_dockerfile"),
    "elixir": Grammar("tree_sitter_elixir"),
    "go": Grammar("tree_sitter_go"),
    "groovy": Grammar("tree_sitter_groovy"),
    "haskell": Grammar("tree_sitter_haskell"),
    "hcl": Grammar("tree_sitter_hcl"),
    "html": Grammar("tree_sitter_html"),
    "java": Grammar("tree_sitter_java"),
    "javascript": Grammar("tree_sitter_javascript"),
    "json": Grammar("tree_sitter_json"),
    "kotlin": Grammar("tree_sitter_kotlin"),
    "lua": Grammar("tree_sitter_lua"),
    "make": Grammar("tree_sitter_make"),
    "markdown": Grammar("tree_sitter_markdown"),
    "nix": Grammar("tree_sitter_nix"),
    "opencl": Grammar("tree_sitter_c", queries="c"),
    "perl": Grammar("tree_sitter_perl"),
    "php": Grammar("tree_sitter_php", "language_php"),
    "powershell": Grammar("tree_sitter_powershell"),
    "python": Grammar("tree_sitter_python"),
    "ruby": Grammar("tree_sitter_ruby"),
    "rust": Grammar("tree_sitter_rust"),
    "scala": Grammar("tree_sitter_scala"),
    "scss": Grammar("tree_sitter_scss"),
    "solidity": Grammar("tree_sitter_solidity"),
    "sql": Grammar("tree_sitter_sql"),
    "starlark": Grammar("tree_sitter_python", queries="python"),
    "svelte": Grammar("tree_sitter_svelte"),
    "swift": Grammar("tree_sitter_swift"),
    "toml": Grammar("tree_sitter_toml"),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx", queries="typescript"),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript"),
    "xml": Grammar("tree_sitter_xml", "language_xml"),
    "yaml": Grammar("tree_sitter_yaml"),
    "zig": Grammar("tree_sitter_zig"),
}
