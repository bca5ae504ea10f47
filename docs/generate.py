"""Writes docs/cli.md, docs/settings.md and docs/mcp.md from the tables of the command line, the settings and the tools.

python docs/generate.py          write them
python docs/generate.py --check  fail when one is not current
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from codetriever import types
from codetriever.agents.clients import CLIENTS, Client
from codetriever.agents.instructions import HELPER_FILE
from codetriever.agents.plan import snippet
from codetriever.cli.command import OPTIONS, VERBS, Option, Verb
from codetriever.config import PROJECT_FILE, SETTINGS, format_value
from codetriever.evaluation.trial import Measured
from codetriever.mcp.tools import ARGUMENTS, TOOLS, Argument, Tool
from codetriever.wire import OPTIONAL_FIELDS

JSON_VALUES = (
    ("`search`, `similar`", types.Answer),
    ("each of their `hits`", types.Hit),
    ("each signal of a hit (`--explain`)", types.Signal),
    ("`freshness`", types.Freshness),
    ("`usages`", types.UsagesAnswer),
    ("each of its `usages`", types.Usage),
    ("`context`", types.ContextAnswer),
    ("its `enclosing` and `imports`", types.Excerpt),
    ("`outline`", types.OutlineAnswer),
    ("each of its `files`", types.FileOutline),
    ("each definition", types.Definition),
    ("`index`", types.IndexReport),
    ("each of the `measured` of `eval`", Measured),
)
HERE = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py: change the tables in src/codetriever, not this file. -->\n\n"


def cli_page() -> str:
    """Return docs/cli.md."""
    verbs = "\n".join(f"| [`{verb.name}`](#{verb.name}) | {verb.help} |" for verb in VERBS.values())
    return (
        f"{MADE}# The command line\n\n"
        'A line without a verb is a search: `codetriever "QUERY" [PATH...]`. A first word that is a verb is the verb; '
        "`codetriever -- status` looks for the word. Options may stand anywhere before `--`.\n\n"
        f"| verb | what it does |\n|---|---|\n{verbs}\n\n"
        "Exit codes: 0 found or done, 1 nothing found, 2 an error (for `index` also: a file should have been read and could not be), "
        "130 interrupted. A pipe that is closed early is no error.\n\n"
        "Answers go to the standard output; progress, notes and errors to the standard error. With `--json` an error is "
        '`{"error": {"code", "message", "hint"}}` on the standard output, with exit code 2.\n\n'
        + "\n".join(map(_verb_section, VERBS.values()))
        + _json_section()
    )


def _verb_section(verb: Verb) -> str:
    usage = " ".join(filter(None, ("codetriever", verb.name, verb.words, "[options]")))
    text = f"## {verb.name}\n\n{verb.help[0].upper()}{verb.help[1:]}.\n\n```\n{usage}\n```\n"
    if verb.examples:
        text += "\nFor example:\n\n```\n" + "\n".join(verb.examples) + "\n```\n"
    if verb.options:
        rows = "\n".join(_option_row(OPTIONS[name]) for name in verb.options)
        text += f"\n| option | |\n|---|---|\n{rows}\n"
    return text


def _option_row(option: Option) -> str:
    flags = ", ".join(f"`{flag} {option.metavar}`" if option.metavar else f"`{flag}`" for flag in option.flags)
    return f"| {flags} | {option.help}{' (may be repeated)' if option.repeat else ''} |"


def _json_section() -> str:
    rows = "\n".join(f"| {what} | {_fields(kind)} |" for what, kind in JSON_VALUES)
    return (
        "\n## JSON\n\n"
        "The values are those of the Python interface, with the same names. Lines count from 1 and include the last; bytes count from 0, "
        "without the last, and are of the original file. Times are seconds since the epoch. Paths are relative to the working directory; "
        "one that is not valid Unicode is repeated as `path_bytes`, base64. Fields in brackets are left out when they say nothing.\n\n"
        f"| value | fields |\n|---|---|\n{rows}\n"
    )


def _fields(kind: type) -> str:
    names = (field.name for field in dataclasses.fields(kind))
    return " ".join(f"[`{name}`]" if name in OPTIONAL_FIELDS else f"`{name}`" for name in names)


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = "\n".join(
        f"| `{one.name}` | {one.kind} | {format_value(one, one.default) or 'empty'} | `{one.flag}` | `{one.variable}` "
        f"| {'yes' if one.project else 'no'} | {one.help}{' (' + ', '.join(one.choices) + ')' if one.choices else ''} |"
        for one in SETTINGS
    )
    return (
        f"{MADE}# Settings\n\n"
        "A flag beats an environment variable, which beats the project's file, which beats the user's file, which beats the default. "
        f"The project's file is `{PROJECT_FILE}` at the repository's root; the user's file is `config.toml` in the user's configuration "
        "folder (`CODETRIEVER_CONFIG` names another). `codetriever config show` prints every value and where it came from, "
        "`codetriever config path` the files.\n\n"
        "Sizes are written `512MiB`, `10GB` or in bytes, times `2s`, `500ms` or in seconds. "
        "What a project may not set concerns the machine and not the code.\n\n"
        "| setting | kind | default | flag | variable | project's file | |\n|---|---|---|---|---|---|---|\n"
        f'{rows}\n\nA file is TOML:\n\n```toml\nmemory = "1GiB"\nlimit = 20\n```\n'
    )


def mcp_page() -> str:
    """Return docs/mcp.md."""
    tools = "\n".join(_tool_section(tool) for tool in TOOLS.values())
    rows = "\n".join(f"| `{one.name}` | {_kind(one)} | {one.help} |" for one in ARGUMENTS.values())
    words = (HERE / "mcp.md.in").read_text(encoding="utf-8")
    return f"{MADE}{words}\n## Tools\n\n{tools}\n## Arguments\n\n| argument | | |\n|---|---|---|\n{rows}\n"


def _tool_section(tool: Tool) -> str:
    arguments = ", ".join(f"`{name}`" + ("*" if name in tool.required else "") for name in tool.arguments) or "none"
    note = " Offered with `--admin` only." if tool.admin else ""
    return f"### {tool.name}\n\n{tool.help}{note}\n\nArguments: {arguments}.\n"


def _kind(argument: Argument) -> str:
    if argument.kind == "strings":
        return "array of strings" + (f" ({', '.join(argument.choices)})" if argument.choices else "")
    return f"{argument.kind}, {argument.minimum:,} to {argument.maximum:,}" if argument.kind == "integer" else argument.kind


def client_page(client: Client) -> str:
    """Return docs/clients/NAME.md."""
    files = [(f"`~/{client.user}`", "you, in every project")] if client.user else []
    files += [(f"`{client.project}`", "everybody who works on the project")] if client.project else []
    if client.helpers:
        files.append((f"`{client.helpers}/{HELPER_FILE}`", "a sub-agent that looks for code, there too"))
    rows = "\n".join(f"| {name} | {who} |" for name, who in files)
    kind = "toml" if client.is_toml else "json"
    commands = [f"codetriever install {client.name}"] if client.user else []
    commands += [f"codetriever install {client.name} --project"] if client.project else []
    return (
        f"{MADE}# {client.title}\n\n```\npip install 'codetriever[mcp]'\n" + "\n".join(commands) + "\n```\n\n"
        f"The command shows what it will change and asks; `codetriever uninstall {client.name}` takes it out again. By hand:\n\n"
        f"```{kind}\n{snippet(client, 'codetriever')}```\n\n| file | for |\n|---|---|\n{rows}\n\n"
        f"{client.hint + chr(10) + chr(10) if client.hint else ''}"
        f"From [its own documentation]({client.docs}), read {client.read}. [What the tools do](../mcp.md).\n"
    )


def main(argv: list[str]) -> int:
    """Write the pages, or say which are not current."""
    stale = 0
    for name, text in (
        ("cli.md", cli_page()),
        ("settings.md", settings_page()),
        ("mcp.md", mcp_page()),
        *((f"clients/{one.name}.md", client_page(one)) for one in CLIENTS.values()),
    ):
        path = HERE / name
        if "--check" not in argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale = 1
            sys.stderr.write(f"docs/{name} is not current: run python docs/generate.py\n")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
