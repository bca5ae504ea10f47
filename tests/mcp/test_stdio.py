"""Every tool, driven by the official SDK's client over the standard input and output, in both eras of the protocol."""

import re
import time
from functools import partial

import anyio
import pytest
from mcp_types import Implementation, ListRootsResult, Root
from tests.git_server import served
from tests.mcp.conftest import ADMIN_CALLS, CALLS

from codetriever.savings import read_costs

MODES = ("auto", "legacy")


def text_of(result):
    return "\n".join(block.text for block in result.content)


@pytest.mark.parametrize("mode", MODES)
def test_every_tool_answers(shop, run, mode):
    async def talk():
        async with shop.client(mode=mode) as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == list(CALLS)
            return {name: await client.call_tool(name, arguments) for name, arguments in CALLS.items()}

    # The SDK's client checks each structured content against the schema of its tool.
    results = run(talk)
    assert not [name for name, result in results.items() if result.is_error]
    assert re.search(r"shop/session\.py:\d+-\d+ > Session", text_of(results["search"]))
    assert results["search"].structured_content["hits"][0]["path"] == "shop/session.py"
    assert "shop/cart.py" in text_of(results["find_usages"])
    assert "import time" in text_of(results["get_context"])
    assert "def refresh(self)" in text_of(results["outline"])
    assert results["index"].structured_content["done"]
    assert results["get_status"].structured_content["allowed"] == [str(shop.root)]


def test_a_page_behind_the_last_result_says_how_many_there_are(raw):
    calls = {"search": {"query": "visit"}, "find_usages": {"symbol": "Session"}, "outline": {"file_path": "shop"}}
    for tool, arguments in calls.items():
        text = raw.call(tool, arguments | {"offset": 5000})["content"][0]["text"]
        assert re.match(r"No more (hits|occurrences of Session|definitions): there are [1-9]\d*", text), text


def test_admin_tools_are_offered_when_asked_for(shop, run):
    async def talk():
        async with shop.client("--admin") as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            return names, await client.call_tool("get_stats", {})

    names, result = run(talk)
    assert names == [*CALLS, *ADMIN_CALLS]
    assert len(result.structured_content["indexes"]) == 1
    assert result.structured_content["stored"]["views"] == 1


def test_the_indexes_of_the_machine_are_looked_after(place, run):
    place.index()

    async def talk():
        async with place.client("--admin") as client:
            told = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
            compacted = await client.call_tool("compact", {})
            kept = await client.call_tool("clean", {})
            planned = await client.call_tool("clean", {"unused_days": 0, "dry_run": True})
            wrong = await client.call_tool("clean", {"dry_run": "perhaps"})
            done = await client.call_tool("clean", {"unused_days": 0})
            return told, compacted, kept, planned, wrong, done

    told, compacted, kept, planned, wrong, done = run(talk)
    assert told["clean"].destructive_hint
    assert not told["compact"].destructive_hint
    assert len(compacted.structured_content["compacted"]) == 1
    assert "nothing to delete" in text_of(kept)
    assert "would go" in text_of(planned)
    assert wrong.structured_content["error"]["code"] == "invalid_arguments"
    assert done.structured_content["indexes"] == planned.structured_content["indexes"]
    assert done.structured_content["after_bytes"] < done.structured_content["before_bytes"]


def test_tools_say_what_they_do_to_the_world(shop, run):
    async def talk():
        async with shop.client() as client:
            return (await client.list_tools()).tools

    for tool in run(talk):
        assert tool.title
        assert tool.annotations.title == tool.title
        assert tool.annotations.read_only_hint == (tool.name != "index")
        assert tool.annotations.idempotent_hint
        assert not tool.annotations.destructive_hint


def test_null_arguments_are_absent_ones(shop, run):
    async def talk():
        async with shop.client() as client:
            return await client.call_tool(
                "search", {"query": "prolong a visit", "path": None, "limit": None, "roles": None, "queries": None}
            )

    assert not run(talk).is_error


def test_several_queries_become_one_list(shop, run):
    async def talk():
        async with shop.client() as client:
            return await client.call_tool("search", {"queries": ["prolong a visit", "sum of prices"], "limit": 2})

    paths = {hit["path"] for hit in run(talk).structured_content["hits"]}
    assert paths == {"shop/session.py", "shop/cart.py"}


def test_what_was_sent_is_not_sent_again_unless_asked_again(shop, run):
    async def talk():
        async with shop.client(mode="legacy") as client:
            asked = ({"query": "prolong a visit"}, {"query": "session refresh lifetime"}, {"query": "prolong a visit"})
            return [await client.call_tool("search", arguments | {"limit": 1}) for arguments in asked]

    first, second, third = run(talk)
    assert "not from the old end" in text_of(first)
    assert "(sent before in this session, unchanged)" in text_of(second)
    assert second.structured_content["hits"][0]["repeated"]
    assert text_of(third) == text_of(first)


def test_a_search_shows_much_of_the_first_and_a_line_of_the_last(place, run):
    body = "".join(f"    total += article_{line}\n" for line in range(60))
    for number in range(40):
        (place.root / f"sum{number:02}.py").write_text(f"def sum_articles_{number}(total):\n{body}    return total\n")
    place.index()

    async def talk():
        async with place.client() as client:
            return [await client.call_tool("search", {"query": "sum articles", **more}) for more in ({}, {"max_tokens": 8000, "limit": 5})]

    usual, large = map(text_of, run(talk))
    first, *_ = usual.split("\n\n")[1:]
    assert re.match(r"1\. sum\d\d\.py:1-62 > sum_articles_\d+\n```python\ndef sum_articles_\d+\(total\):\n    total", first)
    assert first.endswith("\n…\n```")
    assert re.search(r"\n15\. (sum\d\d\.py):1-62 > (sum_articles_\d+): def \2\(total\):\n16\. ", usual)
    assert len(usual) <= 4 * 1250
    assert large.count("    return total") == 5


def test_a_weak_match_is_called_weak(shop, run):
    async def talk():
        async with shop.client() as client:
            return await client.call_tool("search", {"query": "quantum chromodynamics lattice"})

    text = text_of(run(talk))
    assert text.startswith(("Weak match", "Nothing found"))


def test_secrets_are_masked_and_credential_files_are_not_there(shop, run):
    async def talk():
        async with shop.client() as client:
            answers = [await client.call_tool("search", {"query": query}) for query in ("key of the storage account", "SECRET_TOKEN")]
            return answers, await client.call_tool("get_context", {"file_path": ".env", "start_line": 1})

    answers, env = run(talk)
    for answer in answers:
        assert "IOSFODNN7" not in text_of(answer)
        assert "IOSFODNN7" not in str(answer.structured_content)
        assert "abc" not in text_of(answer)
    assert env.is_error


def test_structured_content_stays_away_from_clients_that_would_hide_the_text(shop, run):
    async def talk(name, *words):
        async with shop.client(*words, client_info=Implementation(name=name, version="1")) as client:
            tools = (await client.list_tools()).tools
            result = await client.call_tool("search", {"query": "prolong a visit"})
            return tools[0].output_schema is not None, result.structured_content is not None

    assert run(talk, "claude-code") == (False, False)
    assert run(talk, "Visual Studio Code") == (False, False)
    assert run(talk, "another") == (True, True)
    assert run(talk, "claude-code", "--mcp-structured", "always") == (True, True)
    assert run(talk, "another", "--mcp-structured", "never") == (False, False)


@pytest.mark.parametrize("mode", MODES)
def test_the_first_call_indexes_and_tells_how_far_it_is(place, run, mode):
    told = []

    async def progress(done, total, message):
        told.append((done, message))

    async def talk():
        async with place.client(mode=mode) as client:
            return await client.call_tool("search", {"query": "prolong a visit"}, progress_callback=progress)

    assert "> Session" in text_of(run(talk))
    assert told
    assert all(message.startswith("indexing") for _, message in told)


@pytest.mark.parametrize(("tool", "arguments"), [("search", {"query": "prolong the visit"}), ("find_usages", {"symbol": "Session"})])
def test_a_repository_that_takes_long_is_answered_from_its_files(place, run, tool, arguments):
    async def talk():
        async with place.client("--mcp-patience-s", "0") as client:
            first = await client.call_tool(tool, arguments)
            other = await client.call_tool("outline", {})
            deadline = time.monotonic() + 40
            while time.monotonic() < deadline:
                last = await client.call_tool(tool, arguments)
                if "generation" in last.structured_content:
                    return first, other, last
                await anyio.sleep(0.2)
            return first, other, None

    first, other, last = run(talk)
    assert text_of(first).startswith("Not indexed yet")
    assert "shop/session.py" in {hit["path"] for hit in first.structured_content["hits"]}
    assert "Not indexed yet" in text_of(other) or "definitions" in text_of(other)
    assert last is not None


def test_changes_are_seen_by_the_next_call(place, run):
    async def talk():
        async with place.client() as client:
            await client.call_tool("search", {"query": "prolong a visit"})
            (place.root / "shop" / "bill.py").write_text("def write_invoice_number():\n    return 1\n")
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                answer = await client.call_tool("find_usages", {"symbol": "write_invoice_number"})
                if answer.structured_content["total"]:
                    return answer
                await anyio.sleep(0.2)
            return None

    assert run(talk) is not None


# Roots


def test_nothing_outside_the_roots_is_read(place, run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.py").write_text("def other_secret():\n    pass\n")
    (place.root / "link.py").symlink_to(other / "secret.py")
    (place.root / "way").symlink_to(other)

    async def talk():
        async with place.client() as client:
            asked = [
                ("search", {"query": "secret", "path": str(other)}),
                ("search", {"query": "secret", "path": ".."}),
                ("search", {"query": "secret", "path": "way"}),
                ("outline", {"file_path": "../other/secret.py"}),
                ("get_context", {"file_path": "link.py", "start_line": 1}),
                ("get_context", {"file_path": str(other / "secret.py"), "start_line": 1}),
                ("find_similar", {"file_path": "/etc/passwd", "start_line": 1}),
                ("search", {"query": "secret", "path": "/etc/does-not-exist"}),
                ("search", {"query": "secret", "path": "a\0b"}),
            ]
            return [await client.call_tool(*one) for one in asked], await client.call_tool("search", {"query": '"other_secret"'})

    refused, found = run(talk)
    assert all(result.is_error for result in refused)
    codes = {result.structured_content["error"]["code"] for result in refused}
    assert codes <= {"path_not_found", "invalid_arguments"}
    assert not found.structured_content["hits"]


@pytest.mark.parametrize("mode", MODES)
def test_the_client_names_roots(place, run, tmp_path, mode):
    """A server that was started somewhere else, as desktop programs do."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    async def roots(_context):
        return ListRootsResult(roots=[Root(uri=place.root.as_uri())])

    async def talk():
        async with place.client(cwd=place.home, mode=mode, list_roots_callback=roots) as client:
            found = await client.call_tool("search", {"query": "prolong a visit"})
            return found, await client.call_tool("search", {"query": "x", "path": str(elsewhere)})

    found, refused = run(talk)
    assert found.structured_content["root"] == str(place.root)
    assert refused.is_error


def test_a_home_folder_is_not_allowed_by_being_the_working_directory(place, run):
    async def talk():
        async with place.client(cwd=place.home) as client:
            return await client.call_tool("search", {"query": "x"})

    error = run(talk).structured_content["error"]
    assert error["code"] == "path_not_found"
    assert "--allow" in error["hint"]


def test_folders_are_allowed_by_the_user(place, run, tmp_path):
    async def talk():
        async with place.client("--allow", str(tmp_path), cwd=place.home) as client:
            return await client.call_tool("search", {"query": "prolong a visit", "path": str(place.root)})

    assert not run(talk).is_error


def test_a_folder_of_a_repository_is_answered_alone(place, run):
    async def talk():
        async with place.client("--allow", str(place.root / "shop"), cwd=place.home) as client:
            inside = await client.call_tool("search", {"query": "shop session", "limit": 50})
            above = await client.call_tool("get_context", {"file_path": "README.md", "start_line": 1})
            outline = await client.call_tool("outline", {})
            return inside, above, outline

    inside, above, outline = run(talk)
    assert {hit["path"].split("/")[0] for hit in inside.structured_content["hits"]} == {"shop"}
    assert above.is_error
    assert {file["path"].split("/")[0] for file in outline.structured_content["files"]} == {"shop"}


# Many at once


def test_twenty_calls_while_a_refresh_runs(place, run):
    for number in range(60):
        (place.root / f"module_{number}.py").write_text(f"def unrelated_{number}():\n    return {number}\n")
    place.index()

    async def talk():
        results = []

        async def ask(client, number):
            tool = ("search", {"query": "prolong a visit"}) if number % 2 else ("find_usages", {"symbol": "Session"})
            results.append(await client.call_tool(*tool))

        async with place.client() as client:
            for number in range(60):
                (place.root / f"module_{number}.py").write_text(f"def changed_{number}():\n    return {number}\n")
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "index", {})
                for number in range(20):
                    group.start_soon(ask, client, number)
        return results

    results = run(talk)
    assert len(results) == 20
    assert not [text_of(result) for result in results if result.is_error]
    assert all(result.structured_content["generation"] in (1, 2) for result in results)


def test_an_outline_puts_code_first_and_says_what_was_left_out(shop, run):
    async def talk():
        async with shop.client() as client:
            return [await client.call_tool("outline", arguments) for arguments in ({}, {"limit": 1}, {"file_path": "shop", "limit": 2})]

    whole, one, folder = map(text_of, run(talk))
    assert whole.index("shop/session.py") < whole.index("README.md")
    assert "1 definitions in" in one
    assert re.search(r"More follow: offset=1 goes on, file_path narrows it\. \d more files were not read\.", one)
    assert "offset=2 goes on" in folder


@pytest.mark.parametrize("counts", [True, False])
def test_answers_are_counted_unless_that_is_turned_off(place, run, counts):
    async def talk():
        async with place.client(*([] if counts else ["--no-savings"])) as client:
            await client.call_tool("search", {"query": "prolong a visit"})
            await client.call_tool("outline", {})
            await anyio.sleep(1.0)

    run(talk)
    found = read_costs(place.home / "store")
    assert sorted(found["tools"]) == (["outline", "search"] if counts else [])


def test_repositories_elsewhere_are_fetched_when_that_is_allowed(place, run, tmp_path):
    with served(tmp_path / "served") as server:
        server.commit("harbour", {"src/pilot.py": "def board_pilot(ship):\n    ship.pilot = True\n"})
        address = f"{server.url}/harbour"

        async def talk(*words):
            async with place.client(*words) as client:
                opened = [tool.annotations.open_world_hint for tool in (await client.list_tools()).tools]
                calls = (("search", {"query": "board the pilot"}), ("outline", {"file_path": "src/pilot.py"}), ("get_status", {}))
                return opened, [await client.call_tool(name, {"path": address, **arguments}) for name, arguments in calls]

        opened, (refused, *_) = run(talk)
        assert not any(opened)
        assert refused.structured_content["error"]["code"] == "source_refused"
        assert server.asked == []
        opened, (found, outline, status) = run(talk, "--clone-addresses", "http://")
        assert all(opened)
        assert found.structured_content["hits"][0]["path"] == "src/pilot.py"
        assert "def board_pilot(ship)" in text_of(outline)
        assert str(place.home / "store-clones") in text_of(status)


def test_a_slow_fetch_does_not_block_a_call(place, run, tmp_path):
    with served(tmp_path / "served") as server:
        server.commit("harbour", {"pilot.py": "def board_pilot(ship):\n    ship.pilot = True\n"})
        server.delay_s = 0.7

        async def talk():
            async with place.client("--clone-addresses", "http://", "--mcp-patience-s", "0.2") as client:
                call = partial(client.call_tool, "search", {"query": "board the pilot", "path": f"{server.url}/harbour"})
                first = await call()
                while "hits" not in (found := await call()).structured_content:
                    await anyio.sleep(0.2)
                return first, found

        first, found = run(talk)
        assert "is still being fetched" in text_of(first)
        assert found.structured_content["hits"]


def test_fetches_that_nobody_comes_back_for_are_in_no_ones_way(place, run, tmp_path):
    names = [f"port{number}" for number in range(5)]
    with served(tmp_path / "served") as server:
        for name in names:
            server.commit(name, {"pilot.py": "def board_pilot(ship):\n    ship.pilot = True\n"})

        async def talk():
            async with place.client("--clone-addresses", "http://", "--mcp-patience-s", "0") as client:
                call = partial(client.call_tool, "search")
                first = [await call({"query": "pilot", "path": f"{server.url}/{name}"}) for name in names]
                while "error" in (found := await call({"query": "pilot", "path": f"{server.url}/{names[-1]}"})).structured_content:
                    await anyio.sleep(0.1)
                return first, found

        first, found = run(talk)
        assert [text_of(one).count("is still being fetched") for one in first[:4]] == [1] * 4
        assert first[4].structured_content["error"]["code"] == "clone_failed"
        assert not found.is_error
