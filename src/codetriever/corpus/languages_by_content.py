"""Which language is meant when several share an extension? A few tell-tale words decide, in order."""

from __future__ import annotations

import re
from functools import cache

_PROBE_BYTES = 16384
_HEADER_PROBE_BYTES = 8192

# C++ on one line. It is tried only on lines with one of the words: most C headers have none.
_CPP_LINE = (
    rb"^\s*(?:class\s+[A-Za-z_]\w*(?:\s+final)?\s*(?:[:{;]|$)|(?:inline\s+)?namespace\b|template\s*<|using\s+[A-Za-z_]|"
    rb"(?:public|private|protected)\s*:|virtual\s|explicit\s|constexpr\s|enum\s+class\s|friend\s|static\s+constexpr\s|"
    rb"#\s*include\s*<\w+>)|"
    rb"\bstd::|\boperator\s*(?:\(\)|\[\]|[-+*/=<>!%&|^~]{1,3})\s*\(|\bnullptr\b|\bnoexcept\b"
)
_CPP_WORDS = frozenset(
    b"class namespace template using public private protected virtual explicit constexpr friend std operator nullptr noexcept "
    b"algorithm array atomic cassert cmath cstddef cstdint cstdio cstdlib cstring functional iostream limits map memory mutex optional "
    b"ostream sstream string string_view thread tuple type_traits unordered_map utility variant vector".split()
)
_NOT_IN_WORDS = bytes(byte if chr(byte).isalnum() or byte == 0x5F else 0x20 for byte in range(128)) + bytes(range(128, 256))
_CPP_GUARD = rb"#\s*(?:el)?if[^\n]*__cplusplus[^\n]*\n(?:[ \t]*+(?!#)[^\n]*\n)*"
_OBJC = rb"(?m)^[ \t]*(?:@(?:interface|implementation|protocol|class|import|property|end)\b|#\s*import\b)"

# Extension -> (what shows it, language), the first that is found; "" is for files that nothing else tells.
_RULES: dict[str, tuple[tuple[bytes, str], ...]] = {
    "m": (
        (_OBJC, "objc"),
        (
            rb"(?m)^[ \t]*(?:%|function\b|classdef\b)|\bend(?:function)?[ \t]*$|^[ \t]*\w+[ \t]*=[^;{\n]*;[ \t]*%",
            "matlab",
        ),
        (rb"\(\*|:=\s*\w+\[", "matlab"),
    ),
    "v": (
        (rb"(?m)^[ \t]*(?:Theorem|Lemma|Definition|Fixpoint|Inductive|Require|From\s+\w+\s+Require|Proof)\b", "coq"),
        (rb"(?m)^[ \t]*(?:endmodule|always\s*@|`(?:timescale|include|define)|module\s+\w+\s*[#(;])", "verilog"),
    ),
    "pl": ((rb"(?m)^[ \t]*:-\s|^\w+\([^)]*\)\s*:-", "prolog"),),
    "pro": (
        (rb"(?m)^[ \t]*(?:TEMPLATE|QT|SOURCES|HEADERS|CONFIG|TARGET)\s*[+*-]?=", "make"),
        (rb":-", "prolog"),
        (rb"", "text"),
    ),
    "pp": ((rb"(?m)^[ \t]*(?:class|define|node)\s+[\w:']+\s*(?:\(|\{|inherits)|=>\s*['$]", "puppet"),),
    "fs": ((rb"(?m)^[ \t]*(?:#version|precision\s|uniform\s|varying\s|void\s+main\s*\()", "glsl"),),
    "ts": ((rb"\A\s*<(?:\?xml|!DOCTYPE TS)", "xml"),),
    "cls": (
        (rb"\\(?:ProvidesClass|NeedsTeXFormat|documentclass|LoadClass|def)\b", "latex"),
        (rb"(?m)^VERSION |^Attribute VB_|^[ \t]*(?:Public|Private) (?:Sub|Function|Property)\b", "vbnet"),
        (rb"(?i)\b(?:public|private|global)\b[^\n]*\bclass\b", "apex"),
    ),
    "d": ((rb"\A[^\s:]+(?:[ \t]+[^\s:]+)*[ \t]*:\s", "make"),),
    "l": (
        (rb"(?m)^%(?:%|\{|option)", "lex"),
        (rb"(?m)^[ \t]*\((?:defun|defmacro|in-package)", "commonlisp"),
    ),
    "inc": (
        (rb"<\?(?:php|=)", "php"),
        (rb"(?m)^[ \t]*#\s*(?:include|define|if|pragma)\b|[;{}]\s*$", "cpp"),
        (rb"", "text"),
    ),
    "t": (
        (rb"(?m)^[ \t]*(?:use\s+(?:strict|warnings|Test|v?5)|#!.*perl|my\s+[$@%])", "perl"),
        (rb"(?m)^[ \t]*\$ ", "text"),
    ),
    "e": ((rb"(?m)^[ \t]*(?:class|feature|note|deferred)\b", "eiffel"), (rb"", "text")),
    "tab": ((rb"(?i:create\s+table)", "sql"), (rb"", "text")),
    "prc": ((rb"(?i:create\s+(?:or\s+replace\s+)?proc)", "sql"), (rb"", "text")),
    "r": ((rb"(?i)\A\s*REBOL", "text"),),
    "st": ((rb"(?m)^[ \t]*(?:!\w+|Object subclass:|\w+ class\s*>>)", "smalltalk"), (rb"", "text")),
    "service": ((rb"\A\s*<\?xml", "xml"),),
    "config": ((rb"\A(?:\xef\xbb\xbf)?\s*<", "xml"), (rb"\A\s*\{", "json")),
    "conf": ((rb"(?m)^[ \t]*(?:server|location|upstream|http)\b[^\n;=]*\{", "nginx"),),
    "": (
        (rb"\A(?:\xef\xbb\xbf)?\s*<\?php", "php"),
        (rb"\A(?:\xef\xbb\xbf)?\s*<\?xml", "xml"),
        (rb"(?i)\A(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", "html"),
        (rb"\A\s*[{\[]\s*[\"{\[\]}]", "json"),
        (rb"\A%YAML|\A---\s*\n\s*[\w-]+:", "yaml"),
        (rb"\A(?:diff --git |--- a/|Index: )", "diff"),
        (rb"(?m)^[ \t]*(?:fi|esac|done)[ \t]*$", "bash"),
    ),
    **dict.fromkeys("123456789", ((rb"\A(?:[.']\\?[\"A-Za-z]|\s*\.)", "roff"), (rb"", "text"))),
}

AMBIGUOUS = frozenset({*_RULES, "h"} - {""})


def guess_language(extension: str, usual: str, data: bytes) -> str:
    """Return the language of a file with this extension; `usual` when nothing speaks against it."""
    if extension == "h":
        return _header_language(data[:_HEADER_PROBE_BYTES])
    probe = data[:_PROBE_BYTES]
    return next((language for tell_tale, language in _RULES[extension] if _compiled(tell_tale).search(probe)), usual)


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compile a pattern when a file first needs it: all of them take longer than a search does."""
    return re.compile(pattern)


def _header_language(probe: bytes) -> str:
    """C unless something is only C++; comments, and what C headers hide behind `#ifdef __cplusplus`, do not count."""
    first, *rest = probe.split(b"/*")
    code = first + b" ".join([part.partition(b"*/")[2] for part in rest])
    if (b"@" in code or b"import" in code) and _compiled(_OBJC).search(code):
        return "objc"
    if b"__cplusplus" in code:
        code = _compiled(_CPP_GUARD).sub(b"", code)
    words = _CPP_WORDS.intersection(code.translate(_NOT_IN_WORDS).split())
    return "cpp" if any(_has_cpp_line(code, word) for word in words) else "c"


def _has_cpp_line(code: bytes, word: bytes) -> bool:
    """Say whether one of the lines that hold the word is C++."""
    at = code.find(word)
    while at >= 0:
        end = code.find(b"\n", at)
        end = len(code) if end < 0 else end
        if _compiled(_CPP_LINE).search(code[code.rfind(b"\n", 0, at) + 1 : end]):
            return True
        at = code.find(word, end)
    return False
