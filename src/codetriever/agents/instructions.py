"""The instructions that a project gives its agents: a block between two marks, and nothing outside them is touched."""

from __future__ import annotations

import re
from typing import Final

BEGIN: Final = "<!-- codetriever: begin -->"
END: Final = "<!-- codetriever: end -->"
TEXT: Final = """\
## Finding code

The MCP server `codetriever` knows this repository. Ask its `search` in plain words before grepping or reading files to find something,
`find_usages` before changing a symbol, `get_context` for a whole definition, `outline` for an overview of a file or folder.
"""
_BLOCK: Final = re.compile(rf"\n?{re.escape(BEGIN)}.*?{re.escape(END)}\n?", re.DOTALL)


def with_block(text: str) -> str:
    """Return the text with the block, at its end unless it has one."""
    block = f"{BEGIN}\n{TEXT}{END}\n"
    if _BLOCK.search(text):
        return _BLOCK.sub(lambda found: ("\n" if found[0].startswith("\n") else "") + block, text, count=1)
    return text + ("\n" if text else "") + block


def without_block(text: str) -> str:
    """Return the text without the block."""
    return _BLOCK.sub("", text, count=1)
