"""The versions that decide what of a store can be used."""

from codetriever.chunking import CHUNKER_VERSION
from codetriever.lexical.terms import ANALYSER_VERSION
from codetriever.store.format import FEATURES


def test_features_name_the_chunker_and_the_analyser() -> None:
    assert f"{CHUNKER_VERSION}.{ANALYSER_VERSION}" == FEATURES, "write the new versions into codetriever.store.format"
