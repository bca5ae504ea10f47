"""Which embedder does the setting `model` mean, and which ones are there?

static                    the table that comes with the package
static:FILE               another table, made by `python -m training`
transformer:FOLDER        a sentence model in a folder
transformer:OWNER/MODEL   one in the cache of the Hugging Face hub; nothing is downloaded
remote:SERVICE/MODEL      a service; the texts of chunks and questions are sent there
NAME or NAME:ARGUMENT     an embedder that another package registers as an entry point of the group `codetriever.embedders`
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.errors import CodetrieverError, InvalidSetting, ModelUnavailable
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

    from codetriever.config import Settings
    from codetriever.embedding.embedder import Embedder
    from codetriever.embedding.remote import Remote

GROUP: Final = "codetriever.embedders"
STATIC, TRANSFORMER, REMOTE = "static", "transformer", "remote"
KEY_VARIABLE: Final = "CODETRIEVER_REMOTE_KEY"
_KEPT_MODELS: Final = 4
_AUTHOR: Final = "Ask its author, or choose another: codetriever model list"


def embedder_for(settings: Settings) -> Embedder:
    """Return the embedder that the settings name, loaded once per process; raises `InvalidSetting`, `ModelUnavailable`, `ExtraMissing`."""
    kind, _, argument = settings.model.partition(":")
    if kind == STATIC:
        return _static(static_path(settings.model))
    if kind == TRANSFORMER and argument:
        folder = str(hub_folder()) if not Path(argument).expanduser().is_dir() else ""
        return _transformer(argument, folder, settings.model_precision != "float32", settings.workers or _processors())
    if kind == REMOTE and argument:
        return _remote(remote_facts(settings, argument))
    return _registered(settings.model)


def static_path(setting: str) -> Path:
    """Return the table of `static` or `static:FILE`."""
    _, _, argument = setting.partition(":")
    return Path(argument).expanduser() if argument else Path(__file__).parent / "embedding" / "static.table"


@lru_cache(maxsize=_KEPT_MODELS)
def _static(path: Path) -> Embedder:
    from codetriever.embedding.static import load_static

    return load_static(path)


@lru_cache(maxsize=_KEPT_MODELS)
def _transformer(named: str, hub: str, is_quantised: bool, threads: int) -> Embedder:
    from codetriever.embedding.sentence_model import find_model, read_model
    from codetriever.embedding.transformer import TransformerEmbedder

    return TransformerEmbedder(read_model(find_model(named, Path(hub))), is_quantised=is_quantised, threads=threads)


_REMOTES: Final[dict[Remote, Embedder]] = {}  # the last one that was asked, with its open connections


def _remote(facts: Remote) -> Embedder:
    from codetriever.embedding.remote import RemoteEmbedder

    if facts not in _REMOTES:
        _REMOTES.clear()
        _REMOTES[facts] = RemoteEmbedder(facts)
    return _REMOTES[facts]


def remote_facts(settings: Settings, argument: str) -> Remote:
    """Return where and how a service is asked, the key from the environment; raises `InvalidSetting`."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    from codetriever.embedding.remote import Remote, remote_named

    provider, model = remote_named(argument)
    url = settings.remote_url or provider.url
    if not url:
        raise InvalidSetting(f"remote:{argument} needs remote_url.", hint="For example: CODETRIEVER_REMOTE_URL=http://localhost:8080/v1")
    host = urlsplit(url).hostname or ""
    return Remote(
        provider=provider,
        model=model,
        url=url,
        key=os.environ.get(KEY_VARIABLE, "") or (os.environ.get(provider.key_variable, "") if provider.key_variable else ""),
        dimensions=settings.remote_dimensions,
        timeout_s=settings.remote_timeout_s,
        concurrency=settings.remote_concurrency,
        proxies=() if proxy_bypass(host) else tuple(sorted(getproxies().items())),
    )


def hub_folder() -> Path:
    """Return where the Hugging Face hub keeps models on this machine."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named)
    if home := os.environ.get("HF_HOME"):
        return Path(home) / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface" / "hub"


def _registered(setting: str) -> Embedder:
    name, _, argument = setting.partition(":")
    known = _registered_embedders()
    if name not in known:
        names = ", ".join((STATIC, f"{TRANSFORMER}:NAME", f"{REMOTE}:SERVICE/MODEL", *known))
        raise InvalidSetting(f"model is {setting!r}, which is no embedder.", hint=f"Known are {names}.")
    return _made(name, argument)


@lru_cache(maxsize=_KEPT_MODELS)
def _made(name: str, argument: str) -> Embedder:
    point = _registered_embedders()[name]
    where = f"{name} of {point.dist.name if point.dist else point.value}"
    try:
        make = point.load()
        embedder: Any = make(argument) if argument else make()
        is_whole = all(hasattr(embedder, name) for name in ("model", "dimensions", "embed")) and int(embedder.dimensions) > 0
    except CodetrieverError:
        raise
    except Exception as error:
        raise ModelUnavailable(f"The embedder {where} cannot be made: {type(error).__name__}: {error}", hint=_AUTHOR) from error
    if not is_whole:
        raise ModelUnavailable(f"The embedder {where} has no `model`, `dimensions` and `embed`.", hint=_AUTHOR)
    made: Embedder = embedder
    return made


def _registered_embedders() -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in sorted(entry_points(group=GROUP)) if point.name not in (STATIC, TRANSFORMER, REMOTE)}


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One embedder that could be used. `setting` is what to write; `problem` says why it cannot be used now, if so."""

    setting: str
    kind: str
    found: str
    problem: str = ""


def found_models(settings: Settings) -> list[FoundModel]:
    """Return what is installed, in the hub's cache, registered and set; nothing is loaded, nobody is asked."""
    models = [FoundModel(STATIC, STATIC, "comes with the package"), *_found_transformers()]
    models += [FoundModel(name, "entry point", point.value) for name, point in _registered_embedders().items()]
    models += _found_services(settings)
    if settings.model not in {model.setting for model in models}:
        problem = _problem(settings)
        models.append(FoundModel(settings.model, settings.model.partition(":")[0], settings.origin("model"), problem))
    return models


def _problem(settings: Settings) -> str:
    """Say why the model that is set cannot be used, without asking anybody."""
    try:
        embedder_for(settings)
    except CodetrieverError as error:
        return error.message
    return ""


def _found_transformers() -> Iterator[FoundModel]:
    from codetriever.embedding.sentence_model import find_model, hub_models, read_model

    hub = hub_folder()
    for name in hub_models(hub):
        try:
            model = read_model(find_model(name, hub))
        except CodetrieverError:
            continue  # a model for something else, as most in that cache are
        yield FoundModel(f"{TRANSFORMER}:{name}", TRANSFORMER, f"{model.dimensions} dimensions, {model.window} tokens")


def _found_services(settings: Settings) -> Iterator[FoundModel]:
    from codetriever.embedding.providers import PROVIDERS

    for provider in PROVIDERS.values():
        if provider.key_variable and os.environ.get(provider.key_variable) and not settings.model.startswith(f"{REMOTE}:{provider.name}/"):
            yield FoundModel(f"{REMOTE}:{provider.name}/MODEL", REMOTE, f"{provider.key_variable} is set")
