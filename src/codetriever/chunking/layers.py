"""Which languages does a text hold, and where? One layer each; a text in one language is its own only layer."""

from __future__ import annotations

from codetriever.chunking.components import TEMPLATES, Layer, component_layers
from codetriever.chunking.dollar_quotes import SQL, statement_layers
from codetriever.chunking.notebooks import NOTEBOOK, notebook_layers


def split_layers(source: bytes, language: str) -> list[Layer]:
    """Return the layers of a text, each beginning where the text does, so that bytes found in a layer are bytes of the text."""
    if language in TEMPLATES:
        return component_layers(source, language)
    if language == NOTEBOOK:
        return notebook_layers(source)
    if language == SQL:
        return statement_layers(source)
    return [Layer(language, source)]
