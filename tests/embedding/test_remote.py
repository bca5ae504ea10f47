"""Does every service get what it asks for, and is everything that goes wrong named?"""

import email.utils
import json
import threading
import time

import numpy as np
import pytest
from tests.embedding.servers import WIDTH, served, vector

from codetriever.embedding import service as service_module
from codetriever.embedding.providers import PROVIDERS, Wanted
from codetriever.embedding.remote import BATCH_TEXTS, MAX_TEXT_BYTES, Remote, RemoteEmbedder, remote_named
from codetriever.embedding.service import ATTEMPTS, LONGEST_WAIT_S, UNREACHABLE_ATTEMPTS, Service, seconds_of
from codetriever.errors import EmbedderFailed, InvalidSetting

KEY = "sk-secret-0123456789"


@pytest.fixture
def service():
    with served() as made:
        yield made


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(service_module, "FIRST_WAIT_S", 0.001)


def embedder(service, name="compatible", model="some-model", **facts):
    return RemoteEmbedder(Remote(provider=PROVIDERS[name], model=model, url=service.url, **facts))


def status(code, value=b"", headers=None):
    return lambda *_: (code, headers or {}, value)


# The services that the documentation names: what is sent, and in which shape they answer.

REQUESTS = {
    "openai": (
        "text-embedding-3-small", "/v1/embeddings",
        {"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "float", "dimensions": 8},
        ("authorization", f"Bearer {KEY}"),
    ),
    "azure": (
        "my-deployment", "/v1/openai/deployments/my-deployment/embeddings?api-version=2024-10-21",
        {"input": ["a", "b"], "encoding_format": "float", "dimensions": 8}, ("api-key", KEY),
    ),
    "mistral": (
        "codestral-embed", "/v1/embeddings", {"model": "codestral-embed", "input": ["a", "b"], "output_dimension": 8},
        ("authorization", f"Bearer {KEY}"),
    ),
    "voyage": (
        "voyage-code-3", "/v1/embeddings",
        {"model": "voyage-code-3", "input": ["a", "b"], "input_type": "document", "output_dimension": 8},
        ("authorization", f"Bearer {KEY}"),
    ),
    "jina": (
        "jina-code-embeddings-0.5b", "/v1/embeddings",
        {"model": "jina-code-embeddings-0.5b", "input": ["a", "b"], "task": "nl2code.passage", "dimensions": 8},
        ("authorization", f"Bearer {KEY}"),
    ),
    "cohere": (
        "embed-v4.0", "/v1/embed",
        {
            "model": "embed-v4.0", "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"],
            "output_dimension": 8,
        },
        ("authorization", f"Bearer {KEY}"),
    ),
    "ollama": ("nomic-embed-text:latest", "/v1/embeddings",
        {"model": "nomic-embed-text:latest", "input": ["search_document: a", "search_document: b"]}, ("authorization", f"Bearer {KEY}")),
    "compatible": ("x", "/v1/embeddings", {"model": "x", "input": ["a", "b"]}, ("authorization", f"Bearer {KEY}")),
}  # fmt: skip


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_service_gets_the_request_it_documents(name):
    model, path, body, (header, value) = REQUESTS[name]
    with served(shape="cohere" if name == "cohere" else "openai") as service:
        rows = embedder(service, name, model, key=KEY, dimensions=WIDTH).embed(["a", "b"])
    ((sent_path, headers, sent_body),) = service.requests
    assert (sent_path, sent_body, headers[header]) == (path, body, value)
    texts = body.get("input") or body["texts"]
    assert rows == pytest.approx(np.array([vector(text) for text in texts]), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "model", "field", "value"),
    [
        ("voyage", "voyage-code-3", "input_type", "query"),
        ("cohere", "embed-v4.0", "input_type", "search_query"),
        ("jina", "jina-code-embeddings-1.5b", "task", "nl2code.query"),
        ("jina", "jina-embeddings-v4", "task", "code.query"),
        ("jina", "jina-embeddings-v3", "task", "retrieval.query"),
    ],
)
def test_a_service_is_told_which_text_is_a_question(name, model, field, value):
    with served(shape="cohere" if name == "cohere" else "openai") as service:
        embedder(service, name, model, dimensions=WIDTH).embed_query("where")
    assert service.requests[0][2][field] == value


def test_a_model_of_jina_without_tasks_gets_none():
    assert "task" not in PROVIDERS["jina"].body(["a"], Wanted("jina-embeddings-v2-base-code"))


# vLLM, text-embeddings-inference, LM Studio and llama.cpp serve the same path in OpenAI's shape; they differ in what else they say.
ANSWERS = {
    "vllm": {"id": "embd-1", "object": "list", "created": 1, "model": "m", "usage": {"prompt_tokens": 2, "completion_tokens": 0}},
    "text-embeddings-inference": {"object": "list", "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}},
    "lm studio": {"object": "list", "model": "m", "usage": {"prompt_tokens": 0, "total_tokens": 0}},
    "llama.cpp": {"model": "gpt-3.5-turbo", "object": "list", "usage": {"prompt_tokens": 2, "total_tokens": 2}},
}


@pytest.mark.parametrize("server", ANSWERS)
def test_servers_of_ones_own_answer_in_the_common_shape(service, server):
    def answer(_, body):
        data = [{"object": "embedding", "index": place, "embedding": vector(text)} for place, text in enumerate(body["input"])]
        return 200, {}, {**ANSWERS[server], "data": data}

    service.script += [answer, answer]
    assert embedder(service).embed(["x"])[0] == pytest.approx(vector("x"), abs=1e-6)
    assert service.requests[-1][0] == "/v1/embeddings"
    assert "authorization" not in service.requests[-1][1]  # no key, no header


def test_every_documented_service_has_a_test():
    assert set(REQUESTS) == set(PROVIDERS)


# Order, batches, concurrency


def test_rows_come_in_the_order_of_the_texts_whatever_their_lengths(service):
    texts = [f"{number} " * (number * 7 % 50 + 1) for number in range(150)]
    rows = embedder(service, dimensions=WIDTH).embed(texts)
    assert rows == pytest.approx(np.array([vector(text) for text in texts]), abs=1e-6)
    assert max(len(body["input"]) for _, _, body in service.requests) <= BATCH_TEXTS
    assert sum(len(body["input"]) for _, _, body in service.requests) == len(texts)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_than_allowed_are_under_way_and_connections_are_kept(concurrency):
    with served(latency_s=0.02) as service:
        embedder(service, dimensions=WIDTH, concurrency=concurrency).embed(["x"] * (BATCH_TEXTS * 9))
    assert len(service.requests) == 9
    assert service.most == concurrency
    assert service.connections <= concurrency


def test_a_connection_that_the_service_closed_is_replaced(service):
    asked = embedder(service, dimensions=WIDTH)

    def last_words(handler, body):
        handler.close_connection = True
        return service.answer(body)

    service.script.append(last_words)
    asked.embed(["a"])
    time.sleep(0.05)
    asked.embed(["b"])
    assert service.connections == 2
    assert len(service.requests) == 2


def test_nothing_is_asked_for_nothing(service):
    assert embedder(service, dimensions=WIDTH).embed([]).shape == (0, WIDTH)
    assert not service.requests


def test_blank_texts_are_not_sent_and_are_zero_rows(service):
    rows = embedder(service, dimensions=WIDTH).embed(["", "text", " \n\t"])
    assert [bool(row.any()) for row in rows] == [False, True, False]
    assert service.requests[0][2]["input"] == ["text"]


def test_huge_and_odd_texts_are_sent_as_text_of_bounded_size(service):
    embedder(service, dimensions=WIDTH).embed(["ä" * 100_000, "\ud800\x00\x1b", "x"])
    sent = [text for _, _, body in service.requests for text in body["input"]]
    assert max(len(text.encode()) for text in sent) <= MAX_TEXT_BYTES
    assert "?\x00\x1b" in sent


# Dimensions


def test_dimensions_are_asked_for_once_when_nobody_knows_them(service):
    asked = embedder(service)
    assert (asked.dimensions, asked.dimensions) == (WIDTH, WIDTH)
    assert len(service.requests) == 1


def test_known_dimensions_are_not_asked_for(service):
    assert embedder(service, "openai", "text-embedding-3-large").dimensions == 3072
    assert embedder(service, dimensions=5).dimensions == 5
    assert not service.requests


def test_other_dimensions_than_expected_are_refused(service):
    with pytest.raises(EmbedderFailed, match="8 dimensions instead of 1536") as raised:
        embedder(service, "openai", "text-embedding-3-small").embed(["a"])
    assert "remote_dimensions" in raised.value.hint


def test_the_model_is_named_by_service_model_and_dimensions(service):
    assert embedder(service).model == "remote-compatible-some-model"
    assert embedder(service, dimensions=4).model != embedder(service, dimensions=5).model


# What goes wrong


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_service_that_says_not_now_is_asked_again(service, code):
    service.script += [status(code), status(code)]
    assert embedder(service, dimensions=WIDTH).embed(["a"])[0] == pytest.approx(vector("a"), abs=1e-6)
    assert len(service.requests) == 3


def test_it_is_not_asked_for_ever(service):
    service.script += [status(503, b"busy")] * 20
    with pytest.raises(EmbedderFailed, match=rf"answered 503: busy, {ATTEMPTS} times") as raised:
        embedder(service, dimensions=WIDTH).embed(["a"])
    assert len(service.requests) == ATTEMPTS
    assert "kept" in raised.value.hint


def test_the_time_that_a_service_names_is_kept(service):
    service.script.append(status(429, headers={"Retry-After": "0.3"}))
    started = time.monotonic()
    embedder(service, dimensions=WIDTH).embed(["a"])
    assert time.monotonic() - started >= 0.3


def test_a_service_that_wants_to_be_left_alone_for_long_is_left_alone(service):
    service.script.append(status(429, b"quota", {"Retry-After": "86400"}))
    with pytest.raises(EmbedderFailed, match="left alone for 86400 s"):
        embedder(service, dimensions=WIDTH).embed(["a"])
    assert len(service.requests) == 1


def test_waits_become_longer(service, monkeypatch):
    monkeypatch.setattr(service_module.random, "uniform", lambda _low, high: high)
    monkeypatch.setattr(service_module, "FIRST_WAIT_S", 0.05)
    times = []
    service.script += [lambda *_: times.append(time.monotonic()) or (503, {}, b"")] * 3
    embedder(service, dimensions=WIDTH).embed(["a"])
    assert times[1] - times[0] >= 0.05
    assert times[2] - times[1] >= 0.1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("1.5", 1.5), ("-3", 0.0), ("soon", None), ("", None), (email.utils.formatdate(0), 0.0)],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert seconds_of(text) == seconds
    assert seconds_of(email.utils.formatdate(time.time() + 100)) == pytest.approx(100, abs=5)
    assert LONGEST_WAIT_S < 100


@pytest.mark.parametrize("code", [400, 404, 413, 422])
def test_a_refusal_is_not_repeated(service, code):
    service.script.append(status(code, b'{"error": "no such model"}'))
    with pytest.raises(EmbedderFailed, match=f"answered {code}: .*no such model"):
        embedder(service, dimensions=WIDTH).embed(["a"])
    assert len(service.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 500])
def test_a_key_is_never_shown(service, code):
    asked = embedder(service, "openai", key=KEY, dimensions=WIDTH)
    service.script += [status(code, f"Incorrect API key provided: {KEY}.".encode())] * 9
    with pytest.raises(EmbedderFailed) as raised:
        asked.embed(["a"])
    assert KEY not in str(raised.value) + raised.value.hint + repr(asked.remote) + repr(vars(raised.value))
    assert code not in (401, 403) or "OPENAI_API_KEY" in raised.value.hint


def test_a_redirection_is_not_followed(service):
    service.script.append(status(307, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(EmbedderFailed, match=r"elsewhere\.example"):
        embedder(service, key=KEY, dimensions=WIDTH).embed(["a"])


def one(embedding, **more):
    return {"data": [{"index": 0, "embedding": embedding, **more}]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"<html>", "no JSON"),
        (b"", "no JSON"),
        ({}, "unknown shape"),
        ([], "unknown shape"),
        ({"data": "x"}, "unknown shape"),
        ({"data": []}, "0 vectors for 1 texts"),
        (one(None), "unknown shape|for 1 texts"),
        (one("AAAA"), "unknown shape"),
        (one([1.0, 2.0]), "2 dimensions instead of 8"),
        (one([[1.0] * 8]), "for 1 texts"),
        (one([0.0] * 8), "vector that is none"),
        (one([float("nan")] * 8), "vector that is none"),
        (one([1e39] * 8), "vector that is none"),
        ({"data": [{"index": 5, "embedding": [1.0] * 8}]}, "unknown shape"),
        ({"data": [{"index": 0, "embedding": [1.0] * 8}, {"index": 0, "embedding": [1.0] * 8}]}, "unknown shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_an_answer_that_is_none_is_refused(service, value, message):
    service.script.append(status(200, value))
    with pytest.raises(EmbedderFailed, match=message):
        embedder(service, dimensions=WIDTH).embed(["a"])


def test_a_cohere_answer_of_another_shape_is_refused(service):
    with pytest.raises(EmbedderFailed, match="unknown shape"):
        embedder(service, "cohere", "embed-v4.0", dimensions=WIDTH).embed(["a"])


def stall(handler, _):
    handler.close_connection = True
    time.sleep(1.5)


def dribble(handler, _):
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def slam(handler, _):
    handler.close_connection = True


def cut_short(handler, _):
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')


@pytest.mark.parametrize("bad", [stall, dribble])
def test_a_service_that_stalls_is_given_up_in_time(service, bad):
    service.script += [bad] * 5
    started = time.monotonic()
    with pytest.raises(EmbedderFailed, match=r"did not answer within 0\.2 s"):
        embedder(service, dimensions=WIDTH, timeout_s=0.2).embed(["a"])
    assert time.monotonic() - started < 1.4
    assert len(service.requests) == UNREACHABLE_ATTEMPTS


@pytest.mark.parametrize("bad", [stall, slam, cut_short])
def test_what_went_wrong_once_is_tried_again(service, bad):
    service.script.append(bad)
    rows = embedder(service, dimensions=WIDTH, timeout_s=0.5).embed(["a"])
    assert rows[0] == pytest.approx(vector("a"), abs=1e-6)


def test_nobody_there_is_said_soon():
    nobody = Remote(provider=PROVIDERS["ollama"], model="m", url="http://127.0.0.1:9/v1", dimensions=4)
    with pytest.raises(EmbedderFailed, match=r"ollama \(http://127\.0\.0\.1:9\) cannot be reached"):
        RemoteEmbedder(nobody).embed(["a"])


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host/", "http://", "http://user:secret@host/v1", "https://:8/"])
def test_an_address_that_is_none_is_refused_without_showing_what_is_secret(url):
    with pytest.raises(InvalidSetting) as raised:
        Service("x", url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("named", ["openai", "openai/", "nobody/x", "/x", ""])
def test_a_service_that_is_not_known_is_named(named):
    with pytest.raises(InvalidSetting, match="names no service"):
        remote_named(named)


def test_an_interrupted_call_ends_at_once_and_later_ones_work(service):
    asked = embedder(service, dimensions=WIDTH, concurrency=2, timeout_s=10)
    service.script += [lambda *_: time.sleep(1.0)] * 2
    failed = []

    def call():
        try:
            asked.embed(["x"] * (BATCH_TEXTS * 2))
        except EmbedderFailed as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while len(service.requests) < 2:
        time.sleep(0.005)
    started = time.monotonic()
    asked.interrupt()
    thread.join()
    assert time.monotonic() - started < 0.5
    assert "interrupted" in failed[0].message
    assert asked.embed(["a"])[0] == pytest.approx(vector("a"), abs=1e-6)


def test_one_failure_stops_the_rest(service):
    service.script += [status(400, b"no")] * 50
    with pytest.raises(EmbedderFailed):
        embedder(service, dimensions=WIDTH, concurrency=2).embed(["x"] * (BATCH_TEXTS * 20))
    time.sleep(0.1)
    assert len(service.requests) <= 6


def test_a_proxy_is_asked_for_the_whole_address(service):
    proxied = Remote(
        provider=PROVIDERS["compatible"], model="m", url="http://example.invalid/v1", dimensions=WIDTH, proxies=(("http", service.url),)
    )
    assert RemoteEmbedder(proxied).embed(["a"])[0] == pytest.approx(vector("a"), abs=1e-6)
    path, headers, _ = service.requests[0]
    assert path == "http://example.invalid/v1/embeddings"
    assert headers["host"] == "example.invalid"


def test_what_is_sent_is_what_was_given_and_nothing_else(service):
    embedder(service, dimensions=WIDTH).embed(["only this"])
    ((_, headers, body),) = service.requests
    assert json.dumps(body) == '{"model": "some-model", "input": ["only this"]}'
    assert set(headers) == {"host", "accept-encoding", "content-length", "content-type", "accept", "user-agent"}
