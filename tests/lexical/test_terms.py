"""Which terms does a text contain?"""

import pytest

from codetriever.lexical.terms import CUT, MAX_TERM_CHARS, STOP_WORDS, count_terms, identifiers, literal_parts, query_terms, word_terms


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("session", ["session"]),
        ("sessions", ["sessions", "session"]),
        ("getSessionId", ["getsessionid", "get", "session", "id"]),
        ("HTTPServerConfigs", ["httpserverconfigs", "http", "server", "configs", "config"]),
        ("parseURLs", ["parseurls", "parse", "urls", "url"]),
        ("snake_case_name", ["snake_case_name", "snake", "case", "name"]),
        ("SCREAMING_CASE", ["screaming_case", "screaming", "scream", "case"]),
        ("__init__", ["__init__", "init"]),
        ("_cache", ["_cache", "cache"]),
        ("utf8", ["utf8", "utf"]),
        ("sha256_sum", ["sha256_sum", "sha256", "sha", "sum"]),
        ("base64Encode", ["base64encode", "base64", "base", "encode"]),
        ("int32Array", ["int32array", "int32", "int", "array"]),
        ("x86_64", ["x86_64", "x86", "64"]),
        ("i", ["i"]),
        ("42", ["42"]),
        ("0x1F", ["0x1f"]),
        ("2fa", ["2fa"]),
        ("7", []),
        ("_", []),
    ],
)
def test_a_word_yields_itself_and_its_parts(word, terms):
    assert list(word_terms(word)) == terms


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("naïveÜber", ["naïveüber", "naïve", "über"]),
        ("ИмяФайла", ["имяфайла", "имя", "файла"]),
        ("STRASSE", ["strasse"]),
        ("Straße", ["strasse"]),
        ("हिन्दी", ["हिन्दी"]),
        ("変数名", ["変数名", "変数", "数名"]),
        ("サーバー接続の設定を読む", ["サー", "ーバ", "バー", "ー接", "接続", "続の", "の設", "設定", "定を", "を読", "読む"]),
        ("한국어", ["한국어", "한국", "국어"]),
        ("get名前", ["get名前", "名前", "get"]),
    ],
)
def test_letters_of_every_script(word, terms):
    assert list(count_terms(word)) == terms


def test_a_letter_and_its_accent_are_one_however_they_are_written():
    assert count_terms("cafe\u0301") == count_terms("caf\u00e9") == {"café": 1}


def test_occurrences_are_counted_over_all_forms():
    assert count_terms("open(file); openFile(file, files)") == {"open": 2, "file": 4, "openfile": 1, "files": 1}


def test_digests_and_encoded_data_keep_only_their_beginning():
    digest = "3f786850e387550fdab836ed7e6dc881de23001b"
    encoded = "aGVsbG8gd29ybGQhIFRoaXMgaXMgYSB0ZXN0"
    assert count_terms(digest) == {digest[:16]: 1, CUT: 1}
    assert count_terms(encoded) == {encoded[:16].lower(): 1, CUT: 1}
    assert query_terms(digest)[0] in count_terms(f"commit {digest} broke it")


def test_a_very_long_word_is_cut_and_says_so():
    word = "very_long_" * 20
    counts = count_terms(word)
    assert word[:MAX_TERM_CHARS] in counts
    assert CUT in counts
    assert {"very", "long"} <= counts.keys()


def test_a_long_sentence_of_a_name_keeps_its_words():
    assert {"returns", "return", "error", "when", "token", "expired"} <= count_terms(
        "test_returns_an_error_when_the_token_has_expired"
    ).keys()


def test_questions_lose_the_words_that_only_ask():
    assert query_terms("How are the sessions refreshed when the token expires?") == [
        "sessions",
        "session",
        "refreshed",
        "refresh",
        "token",
        "expires",
        "expire",
    ]


def test_a_question_of_stop_words_keeps_them():
    assert query_terms("where is it") == ["where", "is", "it"]


def test_capitals_make_a_stop_word_a_name():
    assert query_terms("the SQL WHERE clause") == ["sql", "where", "clause"]


def test_terms_of_a_question_are_distinct_and_in_its_order():
    assert query_terms("file close, close file") == ["file", "close"]


def test_no_question_no_terms():
    assert query_terms("") == query_terms(" ?! \n") == []


def test_stop_words_are_words_that_the_analyser_finds():
    assert all(word_terms(word)[0] == word for word in STOP_WORDS)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("session", ["session"]),
        ("  render  ", ["render"]),
        ("日本語", ["日本語"]),
        ("parse()", ["parse"]),
        ("a.b.C", ["a.b.C"]),
        ("Foo::bar", ["Foo::bar"]),
        ("ptr->field", ["ptr->field"]),
        ("Array#map", ["Array#map"]),
        ("where is FooBar.baz used", ["FooBar.baz"]),
        ("how does foo_bar::qux() work", ["foo_bar::qux"]),
        ("callers of parseXml and XML_PARSER_INIT", ["parseXml", "XML_PARSER_INIT"]),
        ("who calls parse()", ["parse"]),
        ("the `tokenizer` here", ["tokenizer"]),
        ("the HTTP client", ["HTTP"]),
        ("the __init__ of it", ["__init__"]),
        ("e.g. a session, i.e. this one", []),
        ("Session refresh", []),
        ("how are sessions refreshed?", []),
        ("", []),
    ],
)
def test_words_of_a_question_that_look_like_names(question, found):
    assert identifiers(question) == found


def test_a_literal_is_looked_for_by_folded_parts_of_words():
    assert literal_parts("Err: getName(0)") == ["err", "getname"]
    assert literal_parts("の設定") == ["の設", "設定"]
    assert literal_parts("{ 0; }") == []
