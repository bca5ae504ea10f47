"""How do services that embed text want to be asked, and how do they answer?

One row per service that is known; each has a test of its request and its answer. Sources: the services' own API references, as of 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codetriever.embedding.sentence_model import KNOWN_PROMPTS, Prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: which model, how many dimensions (0: what the model has), and whether the texts are questions."""

    model: str
    dimensions: int = 0
    is_query: bool = False


@dataclass(frozen=True, slots=True)
class Provider:
    """One service. `url` is where it usually is, empty where that differs for everybody; `path` follows it.

    `key_variable` is the environment variable that usually holds the key, empty where none is needed.
    """

    name: str
    url: str
    path: str
    key_variable: str
    body: Callable[[Sequence[str], Wanted], Body]
    rows: Callable[[Any], list[Any]]
    key_header: str = "Authorization"
    key_lead: str = "Bearer "
    takes_questions: bool = False  # it is told which texts are questions, so none need words before them


def _openai(texts: Sequence[str], wanted: Wanted) -> Body:
    body: Body = {"model": wanted.model, "input": list(texts), "encoding_format": "float"}
    return {**body, "dimensions": wanted.dimensions} if wanted.dimensions else body


def _plain(texts: Sequence[str], wanted: Wanted) -> Body:
    return {"model": wanted.model, "input": list(texts)}


def _azure(texts: Sequence[str], wanted: Wanted) -> Body:
    body = _openai(texts, wanted)
    del body["model"]  # the address names the deployment
    return body


def _mistral(texts: Sequence[str], wanted: Wanted) -> Body:
    body = _plain(texts, wanted)
    return {**body, "output_dimension": wanted.dimensions} if wanted.dimensions else body


def _voyage(texts: Sequence[str], wanted: Wanted) -> Body:
    body = {**_plain(texts, wanted), "input_type": "query" if wanted.is_query else "document"}
    return {**body, "output_dimension": wanted.dimensions} if wanted.dimensions else body


def _jina(texts: Sequence[str], wanted: Wanted) -> Body:
    body = _plain(texts, wanted)
    if "code-embeddings" in wanted.model:
        body["task"] = "nl2code.query" if wanted.is_query else "nl2code.passage"
    elif wanted.model.endswith("-v4"):
        body["task"] = "code.query" if wanted.is_query else "code.passage"
    elif "-v2" not in wanted.model:
        body["task"] = "retrieval.query" if wanted.is_query else "retrieval.passage"
    return {**body, "dimensions": wanted.dimensions} if wanted.dimensions else body


def _cohere(texts: Sequence[str], wanted: Wanted) -> Body:
    kind = "search_query" if wanted.is_query else "search_document"
    body: Body = {"model": wanted.model, "texts": list(texts), "input_type": kind, "embedding_types": ["float"]}
    return {**body, "output_dimension": wanted.dimensions} if wanted.dimensions else body


def _listed(answer: Any) -> list[Any]:
    """Return the rows of an answer in OpenAI's shape, in the order of the texts; raises KeyError, TypeError or ValueError."""
    data = answer["data"]
    places = [int(one.get("index", place)) for place, one in enumerate(data)]
    if sorted(places) != list(range(len(data))):
        raise ValueError("its numbers of the texts are not 0, 1, 2, …")
    rows: list[Any] = [None] * len(data)
    for place, one in zip(places, data, strict=True):
        rows[place] = one["embedding"]
    return rows


def _by_type(answer: Any) -> list[Any]:
    return list(answer["embeddings"]["float"])


PROVIDERS: Final[Mapping[str, Provider]] = {
    one.name: one
    for one in (
        Provider("openai", "https://api.openai.com/v1", "/embeddings", "OPENAI_API_KEY", _openai, _listed),
        Provider(
            "azure", "", "/openai/deployments/{model}/embeddings?api-version=2024-10-21", "AZURE_OPENAI_API_KEY", _azure, _listed,
            key_header="api-key", key_lead="",
        ),
        Provider("mistral", "https://api.mistral.ai/v1", "/embeddings", "MISTRAL_API_KEY", _mistral, _listed),
        Provider("voyage", "https://api.voyageai.com/v1", "/embeddings", "VOYAGE_API_KEY", _voyage, _listed, takes_questions=True),
        Provider("jina", "https://api.jina.ai/v1", "/embeddings", "JINA_API_KEY", _jina, _listed, takes_questions=True),
        Provider("cohere", "https://api.cohere.com/v2", "/embed", "CO_API_KEY", _cohere, _by_type, takes_questions=True),
        Provider("ollama", "http://localhost:11434/v1", "/embeddings", "", _plain, _listed),
        Provider("compatible", "", "/embeddings", "", _plain, _listed),
    )
}  # fmt: skip

# Known widths save a question when an index is opened.
DIMENSIONS: Final[Mapping[str, int]] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "voyage-code-3": 1024,
    "codestral-embed": 1536,
    "mistral-embed": 1024,
    "jina-embeddings-v2-base-code": 768,
    "jina-code-embeddings-0.5b": 896,
    "jina-code-embeddings-1.5b": 1536,
    "embed-v4.0": 1536,
}


def prompts_for(provider: Provider, model: str) -> Prompts:
    """Return what is put before texts: nothing where the service does that itself."""
    if provider.takes_questions:
        return Prompts()
    return KNOWN_PROMPTS.get(model.rsplit("/", 1)[-1].partition(":")[0].lower(), Prompts())
