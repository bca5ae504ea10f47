"""What a worker says: one line an event, for people and for programs, whatever is in it."""

from __future__ import annotations

import io
import json
import re

from codetriever.cli.command import Command
from codetriever.cli.screen import Screen
from codetriever.cli.worker import Log


def told(command: Command, **facts: object) -> str:
    err = io.StringIO()
    Log(command, Screen(command, stdout=io.StringIO(), stderr=err))("job_ended", **facts)
    return err.getvalue()


def test_an_event_is_a_line_of_names_and_values() -> None:
    line = told(Command(), job="1", seconds=1.23456, error='a "b" c', empty="", many="a\nb\x1b[31m")
    assert re.fullmatch(r'\S+T\S+\+00:00 job_ended job=1 seconds=1\.235 error="a \\"b\\" c" empty="" many="a\\nb\\x1b\[31m"\n', line), line


def test_an_event_is_a_json_object_on_request() -> None:
    line = told(Command(output="json"), job="1", seconds=1.5, error="a\nb")
    assert line.count("\n") == 1
    event = json.loads(line)
    assert event.pop("time").endswith("+00:00")
    assert event == {"event": "job_ended", "job": "1", "seconds": 1.5, "error": "a\nb"}
