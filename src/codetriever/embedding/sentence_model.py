"""What is in the folder of a sentence model, and how does it want to be used?

The layout is that of sentence-transformers and the Hugging Face hub: `config.json`, `tokenizer.json`, weights as `model.safetensors` or
`onnx/*.onnx`, and beside them how token vectors become one (`modules.json`, `1_Pooling/config.json`), how much text fits
(`sentence_bert_config.json`) and what is put before questions and passages (`config_sentence_transformers.json`).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codetriever.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST_WINDOW: Final = 2048  # tokens; chunks have a few hundred
_DEFAULT_WINDOW: Final = 512
_READ_BYTES: Final = 1 << 20
_SNAPSHOTS, _CHECKSUM_CHARS = "snapshots", 64
_QUERY_PROMPTS: Final = ("query", "nl2code_query", "search_query")
_PASSAGE_PROMPTS: Final = ("document", "passage", "nl2code_document", "search_document")
_POOLINGS: Final = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_lasttoken": "last"}


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is put before a question and before a passage."""

    query: str = ""
    passage: str = ""


# What the authors of these models say where their files do not; by the end of the model's name, in small letters.
KNOWN_PROMPTS: Final[Mapping[str, Prompts]] = {
    "coderankembed": Prompts("Represent this query for searching relevant code: "),
    "jina-code-embeddings-0.5b": Prompts("Find the most relevant code snippet given the following query:\n", "Candidate code snippet:\n"),
    "jina-code-embeddings-1.5b": Prompts("Find the most relevant code snippet given the following query:\n", "Candidate code snippet:\n"),
    "qwen3-embedding-0.6b": Prompts("Instruct: Given a question, retrieve source code that answers it\nQuery:"),
    "qwen3-embedding-4b": Prompts("Instruct: Given a question, retrieve source code that answers it\nQuery:"),
    "qwen3-embedding-8b": Prompts("Instruct: Given a question, retrieve source code that answers it\nQuery:"),
    "nomic-embed-text": Prompts("search_query: ", "search_document: "),
    "nomic-embed-text-v1.5": Prompts("search_query: ", "search_document: "),
}
# Models that were trained on fewer tokens than their files allow.
_KNOWN_WINDOWS: Final[Mapping[str, int]] = {"jina-embeddings-v2-base-code": 512}
_KNOWN_POOLINGS: Final[Mapping[str, str]] = {
    "jina-embeddings-v2-base-code": "mean",
    "coderankembed": "cls",
    "jina-code-embeddings-0.5b": "last",
    "jina-code-embeddings-1.5b": "last",
    "qwen3-embedding-0.6b": "last",
    "qwen3-embedding-4b": "last",
    "qwen3-embedding-8b": "last",
}


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A model's folder, read. `window` is how many tokens it takes at once, its own marks included."""

    folder: Path
    name: str
    config: Mapping[str, Any]
    dimensions: int
    window: int
    pooling: str  # mean, cls or last
    prompts: Prompts
    weights: tuple[Path, ...]  # safetensors
    graphs: tuple[Path, ...]  # ONNX

    @property
    def tokenizer(self) -> Path:
        """The file that says how text becomes tokens."""
        return self.folder / "tokenizer.json"


def read_model(folder: Path) -> SentenceModel:
    """Read what a folder says of its model; raises `ModelUnavailable` when something needed is missing or damaged."""
    config = _read_json(folder / "config.json")
    name = model_name(folder)
    key = name.rsplit("/", 1)[-1].lower()
    dimensions = config.get("hidden_size") or config.get("n_embd") or config.get("dim")
    if not isinstance(dimensions, int) or dimensions < 1:
        raise ModelUnavailable(f"{folder / 'config.json'} does not say how many dimensions the model has.")
    if not (folder / "tokenizer.json").is_file():
        raise ModelUnavailable(f"{folder} has no tokenizer.json.", hint="Get the whole folder of the model; slow tokenizers are not read.")
    weights = _weights(folder)
    graphs = tuple(sorted((*folder.glob("onnx/*.onnx"), *folder.glob("*.onnx"))))
    if not weights and not graphs:
        raise ModelUnavailable(f"{folder} holds no weights: no *.safetensors, no *.onnx.", hint=_whole(name))
    return SentenceModel(
        folder=folder,
        name=name,
        config=config,
        dimensions=dimensions,
        window=_window(folder, config, key),
        pooling=_pooling(folder, key),
        prompts=_prompts(folder, key),
        weights=weights,
        graphs=graphs,
    )


def find_model(named: str, hub: Path) -> Path:
    """Return the folder of a model: a folder as it is, else the newest snapshot of a name such as `owner/model` in the hub's cache.

    Raises `ModelUnavailable`; nothing is fetched.
    """
    with suppress(OSError, ValueError):  # what cannot be a path is not there
        folder = Path(named).expanduser()
        if named and folder.is_dir():
            return folder
        cached = hub / f"models--{named.replace('/', '--')}"
        snapshots = {one.name: one for one in cached.glob(f"{_SNAPSHOTS}/*") if one.is_dir()}
        main = cached / "refs" / "main"
        revision = main.read_text().strip() if main.is_file() else ""
        if snapshots:
            return snapshots.get(revision) or max(snapshots.values(), key=lambda one: one.stat().st_mtime)
    raise ModelUnavailable(f"The model {named!r} is neither a folder nor in the hub's cache {hub}.", hint=_whole(named))


def hub_models(hub: Path) -> list[str]:
    """Return the names of the models in the hub's cache, whatever they are."""
    return sorted(one.name.removeprefix("models--").replace("--", "/") for one in hub.glob("models--*") if one.is_dir())


def model_name(folder: Path) -> str:
    """Return what a model is called: by the hub's name if its folder lies in the cache, else by its folder."""
    real = folder.absolute()
    if real.parent.name == _SNAPSHOTS and real.parent.parent.name.startswith("models--"):
        return real.parent.parent.name.removeprefix("models--").replace("--", "/")
    return real.name


def checksum(paths: tuple[Path, ...]) -> str:
    """Return the SHA-256 over the files, hexadecimal, checking those that the hub named by theirs; raises `ModelUnavailable`."""
    total = hashlib.sha256()
    for path in paths:
        own = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while part := file.read(_READ_BYTES):
                    own.update(part)
        except OSError as error:
            raise ModelUnavailable(f"A file of the model cannot be read: {path}: {error.strerror}.") from error
        expected = path.resolve().name
        if path.is_symlink() and len(expected) == _CHECKSUM_CHARS and expected != own.hexdigest():
            raise ModelUnavailable(f"{path} is not what was downloaded: its checksum is {own.hexdigest()[:12]}….", hint="Get it again.")
        total.update(own.digest())
    return total.hexdigest()


def _weights(folder: Path) -> tuple[Path, ...]:
    """Return the files of weights: one, or those that the index of several names."""
    single = folder / "model.safetensors"
    if single.exists() or single.is_symlink():
        return (single,)
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ()
    return tuple(folder / name for name in sorted(set(_read_json(index).get("weight_map", {}).values())))


def _window(folder: Path, config: Mapping[str, Any], key: str) -> int:
    said = _optional_json(folder / "sentence_bert_config.json").get("max_seq_length")
    most = config.get("max_position_embeddings") or config.get("n_positions") or _DEFAULT_WINDOW
    found = min(int(said) if isinstance(said, int) and said > 0 else int(most), int(most), _KNOWN_WINDOWS.get(key, LARGEST_WINDOW))
    return min(found, LARGEST_WINDOW)


def _pooling(folder: Path, key: str) -> str:
    """Return how token vectors become one; mean where nothing is said, as sentence-transformers does."""
    modules = _optional_json(folder / "modules.json", [])
    places = [str(one.get("path", "")) for one in modules if isinstance(one, dict) and str(one.get("type", "")).endswith(".Pooling")]
    facts = _optional_json(folder / (places[0] if places and ".." not in places[0] else "1_Pooling") / "config.json")
    wanted = [name for name, is_set in facts.items() if name.startswith("pooling_mode_") and is_set is True]
    if isinstance(facts.get("pooling_mode"), str):  # how newer versions write it
        wanted = [f"pooling_mode_{facts['pooling_mode']}" + {"cls": "_token", "mean": "_tokens"}.get(facts["pooling_mode"], "")]
    if not wanted:
        return _KNOWN_POOLINGS.get(key, "mean")
    if len(wanted) > 1 or wanted[0] not in _POOLINGS:
        raise ModelUnavailable(f"{folder} pools by {', '.join(wanted)}.", hint=f"Known are {', '.join(_POOLINGS.values())}.")
    return _POOLINGS[wanted[0]]


def _prompts(folder: Path, key: str) -> Prompts:
    said = _optional_json(folder / "config_sentence_transformers.json").get("prompts")
    if not isinstance(said, dict) or not any(said.values()):
        return KNOWN_PROMPTS.get(key, Prompts())
    known = KNOWN_PROMPTS.get(key, Prompts())
    return Prompts(next(_said(said, _QUERY_PROMPTS), known.query), next(_said(said, _PASSAGE_PROMPTS), known.passage))


def _said(prompts: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    return (str(prompts[name]) for name in names if prompts.get(name))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror}.", hint="A model is a folder with its config.json.") from error
    except ValueError:
        raise ModelUnavailable(f"{path} is damaged: it is no JSON.", hint="Get the file again.") from None
    if not isinstance(value, dict):
        raise ModelUnavailable(f"{path} is damaged: it does not hold what it should.", hint="Get the file again.")
    return value


def _optional_json(path: Path, default: Any = None) -> Any:
    """Return what a file says that need not be there."""
    fallback = {} if default is None else default
    if not path.is_file():
        return fallback
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise ModelUnavailable(f"{path} is damaged: it is no JSON.", hint="Get the file again.") from None
    return value if isinstance(value, type(fallback)) else fallback


def _whole(name: str) -> str:
    wanted = name if "/" in name and not name.startswith(("/", ".", "~")) else "OWNER/MODEL"
    return (
        f"Nothing is downloaded by itself. With `pip install huggingface_hub`: hf download {wanted}; or name a folder that holds the model."
    )
