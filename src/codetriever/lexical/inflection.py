"""What is the base form of an English word? Plurals, -ed and -ing alone, as light as names and questions about code need.

The rules follow the ideas of Harman, "How effective is suffixing?" (1991) for plurals and step 1b of Porter, "An algorithm for
suffix stripping" (1980) for verbs, but a base form is a word again (`caching` gives `cache`, not `cach`), since it also names a row
of the embedding table. The lists hold the words of some seventy source trees that the rules would get wrong, most frequent first.
"""

from __future__ import annotations

import re

_INVARIABLE_WORDS = """
    address access alias always analysis axis basis bias bus canvas chaos class compass compress corpus css discuss dns dos express
    focus gas gps https ios its kubernetes less lens locus loss mass minus news nginx os pass plus postgres press previous process
    progress radius redis regress rss sass series species status success this thus tls toss unless various virus windows yes bed bleed
    breed embed exceed feed hundred indeed led need proceed red reed seed shed shred sled speed succeed weed zed anything bring building
    ceiling during evening everything king morning nothing ping ring sibling sing something spring sting string substring swing thing
    tring wing
"""
_INVARIABLE = frozenset(_INVARIABLE_WORDS.split())
_SILENT_E_WORDS = """
    write agree create define share undefine ignore cache invoke type store complete compile escape delete declare scope describe
    combine make quote compare manage determine consume assume time inline guarantee take income route schedule precede unquote profile
    clone restore style prepare scrape scale unescape revoke decline stage package overwrite free pipe tune encourage redefine bake
    rewrite prune page shake resume subscribe discourage pipeline become explore waste like probe message outline denote munge memcache
    recompile promote privilege recreate refine file welcome precompile autoscale supersede suite leverage handshake shape score triage
    square streamline postpone presume transpile interfere examine underscore reconcile autoescape subtype fake line engage image wipe
    unshare hope challenge dedupe underline obsolete wake demote damage adhere average confine zone rule invite composite choke
    prototype mistake smile gauge disagree arrive name rename iterate evaluate
"""
_SILENT_E = frozenset(word[:-1] for word in _SILENT_E_WORDS.split())
_BARE_WORDS = """
    add load read lead overload stream thread download avoid head reload fuzz sync upload preload pair hang void multithread unload
    repair autoload spread scream occur resync
"""
_BARE = frozenset(_BARE_WORDS.split())
_IRREGULAR = {
    "analyses": "analysis",
    "caches": "cache",
    "children": "child",
    "cookies": "cookie",
    "dies": "die",
    "goes": "go",
    "indices": "index",
    "matrices": "matrix",
    "movies": "movie",
    "parentheses": "parenthesis",
    "people": "person",
    "ties": "tie",
    "vertices": "vertex",
    "zombies": "zombie",
}
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_BEFORE_E = re.compile(r"(?:[^s]s|[cvz]|[^aeo]at|[aiu]d|[^aeiou]od|[^aeiou]ut|[^aeo]ur|u?ir|[bcdfgkptz]l|ang|dg|rg|am|os|u)$")
_VOWEL = re.compile(r"[aeiouy]")


def base_form(word: str) -> str:
    """Return the base form of a lower-case word, or the word itself when it is none of the three forms."""
    if len(word) < 4 or word in _INVARIABLE:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word[-1] == "s":
        return _singular(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and _VOWEL.search(word, 0, len(word) - len(ending)):
            return _verb(word, word.removesuffix(ending))
    return word


def _singular(word: str) -> str:
    if word[-2] in "sui":
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "statuses", "aliases", "biases", "buses")):
        return word[:-2]
    return word[:-1]


def _verb(word: str, stem: str) -> str:
    if len(stem) < 2:
        return word
    if stem in _SILENT_E:
        return stem + "e"
    if stem in _BARE:
        return stem
    if _DOUBLED.search(stem):
        return stem[:-1]
    if stem[-1] == "i" and word.endswith("ed"):
        return stem[:-1] + "y"
    return stem + "e" if _BEFORE_E.search(stem) else stem
