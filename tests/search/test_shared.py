"""Are repositories of a database searched by name, or all at once, without a checkout?"""

import numpy as np
import pytest
from tests.search.conftest import write

import codetriever
from codetriever.errors import InvalidArguments, PathNotFound, RepositoryNotFound, SymbolNotFound, ViewNotFound

pytest.importorskip("psycopg")

from codetriever import shared
from codetriever.search.words import term_shares
from codetriever.store.postgres import across, signs
from codetriever.store.postgres.scan import sign_rows
from codetriever.store.quantise import quantise

TOPICS = ["session", "parcel", "invoice", "sensor", "recipe", "planet", "camera", "garden", "violin", "glacier"]


def source(topic, number):
    return (
        f"def load_{topic}(path):\n    '''Read the {topic} from a file.'''\n    return open(path).read()\n\n\n"
        f"class {topic.title()}Store:\n    def find_{topic}_{number}(self, name):\n        return self.items[name]\n"
    )


@pytest.fixture(scope="module")
def filled(postgres_server, tmp_path_factory):
    """Ten repositories of the default tenant, and one of the same name and paths of another's."""
    from tests.database import new_database

    folder = tmp_path_factory.mktemp("many")
    with new_database(postgres_server) as url:
        with codetriever.connect(url) as connection:
            for number, topic in enumerate(TOPICS):
                write(folder / topic, {f"src/{topic}.py": source(topic, number), "src/common.py": "def shared_thing():\n    return 1\n"})
                with connection.open(folder / topic) as index:
                    index.refresh()
            connection.tenants.create("other")
        with codetriever.connect(url, "other") as connection:
            write(folder / "theirs" / "session", {"src/session.py": "def load_session(secret):\n    return 'of another tenant'\n"})
            with connection.open(folder / "theirs" / "session") as index:
                index.refresh()
        yield url


@pytest.fixture
def connection(filled):
    with codetriever.connect(filled) as opened:
        yield opened


@pytest.fixture
def everything(connection):
    with connection.search_in() as index:
        yield index


@pytest.fixture(params=[16, 2], ids=["all ranked", "two ranked"])
def any_number(request, everything):
    everything.most_ranked = request.param
    return everything


def places(answer):
    return [(hit.repository, hit.path) for hit in answer.hits]


def test_all_that_the_tenant_has_is_searched(any_number):
    for topic in TOPICS:
        answer = any_number.search(f"load the {topic} from a file", limit=3)
        assert places(answer)[0] == (f"local/{topic}", f"src/{topic}.py")
        assert any_number.search(f"find_{topic}_{TOPICS.index(topic)}", limit=1).hits[0].repository == f"local/{topic}"
    assert not any("another tenant" in hit.text for hit in any_number.search("load_session", limit=100).hits)


def test_who_searches_few_says_so(everything):
    everything.most_ranked = 2
    answer = everything.search("load the parcel from a file")
    assert answer.note == "Of 10 repositories the 2 most promising were searched; --repository names one."
    assert {hit.repository for hit in answer.hits} <= {"local/parcel", *(f"local/{topic}" for topic in TOPICS)}
    assert len({hit.repository for hit in answer.hits}) <= 2
    everything.most_ranked = 10
    assert everything.search("load the parcel from a file").note == ""


def test_named_repositories_alone_are_searched(connection):
    with connection.search_in("local/parcel", "local/planet") as index:
        assert {hit.repository for hit in index.search("load from a file", limit=50).hits} == {"local/parcel", "local/planet"}
    with connection.search_in("local/parcel") as index:
        assert {(hit.repository, hit.branch) for hit in index.search("load from a file", limit=50).hits} == {("", "")}
        assert index.lines(index.search("load_parcel").hits[0], radius=1).text
    for names in (("local/nowhere",), ("local/parcel", "local/nowhere")):
        with connection.search_in(*names) as index, pytest.raises(RepositoryNotFound, match="nowhere"):
            index.search("anything")


def test_branches(connection, everything):
    with pytest.raises(ViewNotFound, match="branch topic"):
        everything.search("anything", branch="topic")


def test_usages_are_found_wherever_they_are(any_number):
    answer = any_number.usages("shared_thing")
    assert [usage.repository for usage in answer.usages] == sorted(f"local/{topic}" for topic in TOPICS)
    assert (answer.total, answer.exhaustive, answer.note) == (10, True, "")
    assert [usage.path for usage in any_number.usages("load_violin").usages] == ["src/violin.py"]
    assert any_number.usages("nothing_like_it").total == 0


def test_usages_in_more_repositories_than_are_read(everything, monkeypatch):
    everything.most_ranked = 2
    monkeypatch.setattr(shared, "MOST_READ", 3)
    answer = everything.usages("shared_thing")
    assert (answer.total, answer.exhaustive) == (3, False)
    assert answer.note.startswith("Of 10 repositories the 3 ")


def test_look_ups_by_place_find_the_repository(any_number):
    context = any_number.context("src/violin.py:3")
    assert (context.repository, context.enclosing.name) == ("local/violin", "load_violin")
    outline = any_number.outline("src/planet.py")
    assert [file.repository for file in outline.files] == ["local/planet"]
    for missing in (lambda: any_number.context("src/nothing.py:3"), lambda: any_number.outline("nothing")):
        with pytest.raises(PathNotFound):
            missing()
    assert any_number.outline("src").files


def test_what_is_like_something_elsewhere(any_number):
    for what in ("src/camera.py:2", "load_camera", "def load_camera(path):\n    return open(path).read()\n"):
        answer = any_number.similar(what, limit=20)
        assert answer.hits
        assert len({hit.repository for hit in answer.hits}) > 1
    with pytest.raises(SymbolNotFound):
        any_number.similar("nothing_like_it")


def test_a_text_is_found_literally(any_number):
    assert places(any_number.search('"find_glacier_9"')) == [("local/glacier", "src/glacier.py")]
    assert any_number.search('"shared_thing"', limit=50).total == 10


def test_pages_and_lines(everything):
    whole = everything.search("load from a file", limit=20)
    assert (
        tuple(hit for offset in range(0, 20, 5) for hit in everything.search("load from a file", limit=5, offset=offset).hits) == whole.hits
    )
    assert everything.lines(whole.hits[0], radius=1).text


def test_vectors_alone_and_their_signs_choose_the_same(everything, monkeypatch):
    """With so few vectors all are compared; their signs have to lead to the same repositories."""
    everything.most_ranked = 1
    exact = [places(everything.search(f"the {topic} store of a {topic} file", vector_share=1.0))[0] for topic in TOPICS]
    monkeypatch.setattr(across, "_EXACT_CHUNKS", 1)
    for _ in range(2):
        everything.search("one more question")
    assert next(iter(everything._across._kept._signs.values())).size_bytes > 0
    assert [places(everything.search(f"the {topic} store of a {topic} file", vector_share=1.0))[0] for topic in TOPICS] == exact


def test_signs_are_read_again_when_a_repository_changes(connection, tmp_path, monkeypatch):
    monkeypatch.setattr(across, "_EXACT_CHUNKS", 1)
    with connection.search_in() as index:
        index.most_ranked = 1
        for _ in range(3):
            index.search("harvest the zucchini")
        write(tmp_path / "zucchini", {"a.py": "def harvest_zucchini():\n    return 'zucchini'\n"})
        with connection.open(tmp_path / "zucchini") as local:
            local.refresh()
        assert index.search("harvest the zucchini", vector_share=1.0).hits[0].repository == "local/zucchini"
        connection.repositories.remove("local/zucchini")
        assert index.search("harvest the zucchini").hits[0].repository != "local/zucchini"


def test_a_word_and_its_base_form_count_once(connection, tmp_path):
    write(tmp_path / "gardens", {"a.py": "def water(gardens, garden):\n    return gardens, garden\n"})
    with connection.open(tmp_path / "gardens") as local:
        local.refresh()
    with connection.search_in() as index, index._across.reading() as reading:
        first, second = (reading._word_scores({term: 1.0})[0].max() for term in ("gardens", "garden"))
        both = reading._word_scores(term_shares(("gardens", "garden")))[0].max()
    connection.repositories.remove("local/gardens")
    assert both <= max(first, second)


def test_signs_tell_cosines():
    random = np.random.default_rng(5)
    vectors = random.standard_normal((6000, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = signs.Signs()
    packed = sign_rows(quantise(vectors)[0])
    kept._joined = signs._joined({number: (np.arange(40), packed[number * 40 : number * 40 + 40]) for number in range(150)})
    for row in (3, 1999, 5999):
        question = vectors[row] + 0.05 * random.standard_normal(256).astype(np.float32)
        question /= np.float32(np.linalg.norm(question))
        told = kept.cosines(question)
        assert int(np.argmax(told.cosines)) == row
        assert np.abs(told.cosines - vectors @ question).mean() < 0.1
        assert (told.numbers[row], told.counts.tolist()) == (row % 40, [40] * 150)


def test_it_cannot_be_refreshed(everything):
    assert everything.is_indexed()
    assert everything.checkouts == ()
    with pytest.raises(InvalidArguments, match="checkout"):
        everything.refresh()
    assert len(everything.status()["repositories"]) == 10


def test_an_empty_tenant(connection):
    name = connection.tenants.create("empty").name
    with connection.as_tenant(name).search_in() as index:
        assert not index.is_indexed()
        with pytest.raises(ViewNotFound, match="no repository"):
            index.search("anything")
    connection.tenants.remove(name)


def test_what_was_read_serves_every_index_of_a_connection(connection, monkeypatch):
    """A server makes an index for each call: what costs time is kept beside the connections to the database."""
    from codetriever.store.postgres import queries

    with connection.search_in("local/parcel") as index:
        first = index.search("load the parcel")
    asked = []
    monkeypatch.setattr("codetriever.store.postgres.generation.query", lambda name: asked.append(name) or queries.query(name))
    with connection.as_tenant(connection.tenant).search_in("local/parcel") as index:
        assert index.search("load the parcel").hits == first.hits
    assert asked == []
