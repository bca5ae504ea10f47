"""Which language is meant when several share an extension? A few tell-tale words decide, in order."""

from __future__ import annotations

import re

_PROBE_BYTES = 16384

_CPP = re.compile(
    rb"^[ \t]*(?:class\s+[A-Za-z_]\w*(?:\s+final)?\s*(?:[:{;]|$)|namespace\b|template\s*<|"
    rb"using\s+(?:namespace\s+)?[A-Za-z_]|(?:public|private|protected)\s*:|"
    rb"#\s*include\s*<(?:algorithm|array|atomic|c(?:assert|math|std\w+|string)|chrono|functional|iostream|map|memory|mutex|optional|ostream|set|sstream|string|"
    rb"string_view|thread|tuple|type_traits|unordered_\w+|utility|variant|vector)>|virtual\s|explicit\s|constexpr\s|enum\s+class\s|friend\s|static\s+constexpr\s)|"
    rb"\bstd::|\boperator\s*(?:\(\)|[-+*/=<>!\[])|\bnullptr\b|\bnoexcept\b|\b\w+::\w+\s*\(|&&\s*\w+\)\s*[:{]",
    re.MULTILINE,
)
_CPP_GUARD = re.compile(rb"#\s*if(?:def\s+|\s+defined\s*\(?\s*)__cplusplus[^\n]*\n(?:[^\n]*\n){0,4}?\s*#\s*endif")
_OBJC = re.compile(rb"^[ \t]*(?:@(?:interface|implementation|protocol|class|import|property|end)\b|#\s*import\b)", re.MULTILINE)

# Extension -> (what shows it, language), the first that is found; "" is for files that nothing else tells.
_RULES: dict[str, tuple[tuple[re.Pattern[bytes], str], ...]] = {
    "m": (
        (_OBJC, "objc"),
        (
            re.compile(rb"^[ \t]*(?:%|function\b|classdef\b)|\bend(?:function)?[ \t]*$|^[ \t]*\w+[ \t]*=[^;{\n]*;[ \t]*%", re.MULTILINE),
            "matlab",
        ),
        (re.compile(rb"\(\*|:=\s*\w+\["), "matlab"),
    ),
    "v": (
        (re.compile(rb"^[ \t]*(?:Theorem|Lemma|Definition|Fixpoint|Inductive|Require|From\s+\w+\s+Require|Proof)\b", re.MULTILINE), "coq"),
        (re.compile(rb"^[ \t]*(?:endmodule|always\s*@|`(?:timescale|include|define)|module\s+\w+\s*[#(;])", re.MULTILINE), "verilog"),
    ),
    "pl": ((re.compile(rb"^[ \t]*:-\s|^\w+\([^)]*\)\s*:-", re.MULTILINE), "prolog"),),
    "pro": (
        (re.compile(rb"^[ \t]*(?:TEMPLATE|QT|SOURCES|HEADERS|CONFIG|TARGET)\s*[+*-]?=", re.MULTILINE), "make"),
        (re.compile(rb":-"), "prolog"),
        (re.compile(rb""), "text"),
    ),
    "pp": ((re.compile(rb"^[ \t]*(?:class|define|node)\s+[\w:']+\s*(?:\(|\{|inherits)|=>\s*['$]", re.MULTILINE), "puppet"),),
    "fs": ((re.compile(rb"^[ \t]*(?:#version|precision\s|uniform\s|varying\s|void\s+main\s*\()", re.MULTILINE), "glsl"),),
    "ts": ((re.compile(rb"\A\s*<(?:\?xml|!DOCTYPE TS)"), "xml"),),
    "cls": (
        (re.compile(rb"\\(?:ProvidesClass|NeedsTeXFormat|documentclass|LoadClass|def)\b"), "latex"),
        (re.compile(rb"^VERSION |^Attribute VB_|^[ \t]*(?:Public|Private) (?:Sub|Function|Property)\b", re.MULTILINE), "vbnet"),
        (re.compile(rb"\b(?:public|private|global)\b[^\n]*\bclass\b", re.IGNORECASE), "apex"),
    ),
    "d": ((re.compile(rb"\A[^\s:]+(?:[ \t]+[^\s:]+)*[ \t]*:\s"), "make"),),
    "l": (
        (re.compile(rb"^%(?:%|\{|option)", re.MULTILINE), "lex"),
        (re.compile(rb"^[ \t]*\((?:defun|defmacro|in-package)", re.MULTILINE), "commonlisp"),
    ),
    "inc": (
        (re.compile(rb"<\?(?:php|=)"), "php"),
        (re.compile(rb"^[ \t]*#\s*(?:include|define|if|pragma)\b|[;{}]\s*$", re.MULTILINE), "cpp"),
        (re.compile(rb""), "text"),
    ),
    "t": (
        (re.compile(rb"^[ \t]*(?:use\s+(?:strict|warnings|Test|v?5)|#!.*perl|my\s+[$@%])", re.MULTILINE), "perl"),
        (re.compile(rb"^[ \t]*\$ ", re.MULTILINE), "text"),
    ),
    "e": ((re.compile(rb"^[ \t]*(?:class|feature|note|deferred)\b", re.MULTILINE), "eiffel"), (re.compile(rb""), "text")),
    "tab": ((re.compile(rb"(?i:create\s+table)"), "sql"), (re.compile(rb""), "text")),
    "prc": ((re.compile(rb"(?i:create\s+(?:or\s+replace\s+)?proc)"), "sql"), (re.compile(rb""), "text")),
    "r": ((re.compile(rb"\A\s*REBOL", re.IGNORECASE), "text"),),
    "st": ((re.compile(rb"^[ \t]*(?:!\w+|Object subclass:|\w+ class\s*>>)", re.MULTILINE), "smalltalk"), (re.compile(rb""), "text")),
    "service": ((re.compile(rb"\A\s*<\?xml"), "xml"),),
    "config": ((re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<"), "xml"), (re.compile(rb"\A\s*\{"), "json")),
    "conf": ((re.compile(rb"^[ \t]*(?:server|location|upstream|http)\b[^\n;=]*\{", re.MULTILINE), "nginx"),),
    "": (
        (re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<\?php"), "php"),
        (re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<\?xml"), "xml"),
        (re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE), "html"),
        (re.compile(rb"\A\s*[{\[]\s*[\"{\[\]}]"), "json"),
        (re.compile(rb"\A%YAML|\A---\s*\n\s*[\w-]+:"), "yaml"),
        (re.compile(rb"\A(?:diff --git |--- a/|Index: )"), "diff"),
        (re.compile(rb"^[ \t]*(?:fi|esac|done)[ \t]*$", re.MULTILINE), "bash"),
    ),
    **dict.fromkeys("123456789", ((re.compile(rb"\A(?:[.']\\?[\"A-Za-z]|\s*\.)"), "roff"), (re.compile(rb""), "text"))),
}

AMBIGUOUS = frozenset({*_RULES, "h", "ipynb"} - {""})
_NOTEBOOK_LANGUAGE = re.compile(
    rb'"(?:language|name)"\s*:\s*"(python|r|ir|julia|scala|javascript|typescript|ruby|rust|go|kotlin|bash|sql|haskell)[\d.-]*"',
    re.IGNORECASE,
)
_NOTEBOOK_END_BYTES = 4096


def guess_language(extension: str, usual: str, data: bytes) -> str:
    """Return the language of a file with this extension; `usual` when nothing speaks against it."""
    if extension == "h":
        return _header_language(data[:_PROBE_BYTES])
    if extension == "ipynb":
        return _notebook_language(data)
    probe = data[:_PROBE_BYTES]
    return next((language for tell_tale, language in _RULES[extension] if tell_tale.search(probe)), usual)


def _header_language(probe: bytes) -> str:
    """C unless something is only C++; what C headers hide behind `#ifdef __cplusplus` does not count."""
    if _OBJC.search(probe):
        return "objc"
    return "cpp" if _CPP.search(_CPP_GUARD.sub(b"", probe)) else "c"


def _notebook_language(data: bytes) -> str:
    """The kernel's language; its name stands at the end of the file, or at its beginning."""
    found = _NOTEBOOK_LANGUAGE.search(data[-_NOTEBOOK_END_BYTES:]) or _NOTEBOOK_LANGUAGE.search(data[:_NOTEBOOK_END_BYTES])
    name = found[1].decode().lower() if found else "python"
    return "r" if name == "ir" else name
