"""An embedder behind HTTP: texts go out, vectors come back, and what comes back is looked at.

Texts leave this machine only because a setting names this embedder. They go out in the order of their lengths, a few requests at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np

from codetriever.embedding.batching import Workers, by_size
from codetriever.embedding.providers import DIMENSIONS, PROVIDERS, Provider, Wanted, prompts_for
from codetriever.embedding.service import Service
from codetriever.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codetriever.errors import EmbedderFailed

BATCH_TEXTS: Final = 32  # what the smallest of the services takes
BATCH_BYTES: Final = 96_000
MAX_TEXT_BYTES: Final = 24_000  # some 8,000 tokens, the usual limit; a chunk has 1,536 bytes at most
_PROBE: Final = "a question about code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where and how to ask. `key` is shown nowhere; `proxies` are (scheme, address)."""

    provider: Provider
    model: str
    url: str
    key: str = field(default="", repr=False)
    dimensions: int = 0
    timeout_s: float = 30.0
    concurrency: int = 4
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class RemoteEmbedder:
    """Implements `Embedder` over a service. Several threads may ask; together they have at most `concurrency` requests under way."""

    def __init__(self, remote: Remote) -> None:
        """Prepare to ask; nothing is sent yet. Raises `InvalidSetting` when the address is none."""
        self.remote = remote
        self.model = f"remote-{remote.provider.name}-{remote.model}" + (f"-{remote.dimensions}" if remote.dimensions else "")
        self._prompts = prompts_for(remote.provider, remote.model)
        self._service = Service(
            remote.provider.name,
            remote.url.rstrip("/") + remote.provider.path.format(model=quote(remote.model, safe="")),
            header=(remote.provider.key_header, remote.provider.key_lead),
            key=remote.key,
            key_variable=remote.provider.key_variable,
            timeout_s=remote.timeout_s,
            proxies=dict(remote.proxies),
        )
        self.concurrency = max(1, remote.concurrency)
        self._workers = Workers(self.concurrency, "codetriever-remote")

    @property
    def known_dimensions(self) -> int:
        """How wide the rows are as far as is known without asking: as set, or as documented; else 0."""
        return self.remote.dimensions or DIMENSIONS.get(self.remote.model.rsplit("/", 1)[-1], 0)

    @cached_property
    def dimensions(self) -> int:
        """How wide the rows are: as is known, else as the service answers when it is asked for the first time."""
        return self.known_dimensions or len(self._ask([_PROBE], is_query=True, width=0)[0])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, `(len(texts), dimensions) float32`; a text of nothing but white space is not sent, and is a zero row.

        What is longer than `MAX_TEXT_BYTES` is cut there. Raises `EmbedderFailed`.
        """
        return self._embed(texts, self._prompts.passage, is_query=False)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a question, `(dimensions,) float32`; raises `EmbedderFailed`."""
        vector: NDArray[np.float32] = self._embed([text], self._prompts.query, is_query=True)[0]
        return vector

    def _embed(self, texts: Sequence[str], prompt: str, *, is_query: bool) -> NDArray[np.float32]:
        width = self.dimensions
        rows = [row for row, text in enumerate(texts) if text.strip()]
        sent = [_cut(prompt + texts[row]) for row in rows]
        batches = by_size([len(text) for text in sent], most=BATCH_TEXTS, most_size=BATCH_BYTES)
        asked = ([sent[position] for position in batch] for batch in batches)
        out = np.zeros((len(texts), width), np.float32)
        answers = self._workers.map(lambda batch: self._ask(batch, is_query=is_query, width=width), asked)
        try:
            for batch, vectors in zip(batches, answers, strict=True):
                out[[rows[position] for position in batch]] = vectors
        except (KeyboardInterrupt, SystemExit):
            self.interrupt()  # or the program would not end before the service has answered
            raise
        return out

    def interrupt(self) -> None:
        """Let every request that is under way fail at once; later ones are not touched."""
        self._service.interrupt()

    def _ask(self, texts: Sequence[str], *, is_query: bool, width: int) -> NDArray[np.float32]:
        """Return the unit rows of one request's texts; `width` 0 takes what comes."""
        remote = self.remote
        wanted = Wanted(remote.model, remote.dimensions, is_query)
        answer = self._service.ask(remote.provider.body(texts, wanted))
        try:
            rows = np.array(remote.provider.rows(answer), np.float32)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise self._failed(f"answered in an unknown shape: {type(error).__name__} {error}") from None
        if rows.ndim != 2 or len(rows) != len(texts):
            raise self._failed(f"answered {len(rows)} vectors for {len(texts)} texts")
        if width and rows.shape[1] != width:
            hint = f"Set remote_dimensions to {rows.shape[1]}, if that is what you want: codetriever config show"
            raise self._failed(f"answered {rows.shape[1]} dimensions instead of {width}", hint)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not rows.shape[1] or not (np.isfinite(lengths) & (lengths > 0)).all():
            raise self._failed("answered with a vector that is none: zero, NaN or infinite")
        result: NDArray[np.float32] = rows / lengths
        return result

    def _failed(self, what: str, hint: str = "") -> EmbedderFailed:
        return self._service.failed(what, hint or "`codetriever model check` asks it again.")


def remote_named(text: str) -> tuple[Provider, str]:
    """Split `PROVIDER/MODEL`; raises `InvalidSetting`."""
    provider, _, model = text.partition("/")
    if provider not in PROVIDERS or not model:
        known = ", ".join(PROVIDERS)
        raise InvalidSetting(f"remote:{text} names no service and model.", hint=f"Write remote:SERVICE/MODEL; services are {known}.")
    return PROVIDERS[provider], model


def _cut(text: str) -> str:
    data = text.encode("utf-8", "replace")
    return data[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
