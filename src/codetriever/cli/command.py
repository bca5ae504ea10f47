"""Which verbs and options are there, and what does a command line say?

`VERBS` and `OPTIONS` are the tables that the parser, the help, shell completion and docs/cli.md are made from. A `Command` is what was
typed and nothing more: no file was looked at, no setting read.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from codetriever.config import SETTINGS
from codetriever.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line. `settings` holds what was typed for settings, unread, by their names; `limit` is one of them.

    `is_verb_typed` is false for a line that is a search because it says nothing else.
    """

    verb: str = "search"
    is_verb_typed: bool = True
    words: tuple[str, ...] = ()
    offset: int = 0
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    branch: str | None = None
    repositories: tuple[str, ...] = ()
    exact: bool = False
    files: bool = False
    context: int | None = None
    radius: int = 0
    max_tokens: int | None = None
    explain: bool = False
    output: str = "text"
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    everything: bool = False
    profile_memory: bool = False
    allow: tuple[str, ...] = ()
    http: bool = False
    address: str = ""
    admin: bool = False
    scopes: tuple[str, ...] = ()
    expires: int | None = None
    days: int | None = None
    project: bool = False
    dry_run: bool = False
    check: bool = False
    show: bool = False
    kind: str = "both"
    rankings: tuple[str, ...] = ()
    embedders: tuple[str, ...] = ()
    questions: str | None = None
    save: str | None = None
    plot: str | None = None
    max_questions: int | None = None
    seed: int = 0
    priority: str = "normal"
    wait: bool = False
    contents: bool = False
    state: str = ""
    concurrency: int = 1
    once: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def wants_json(self) -> bool:
        """True when a program reads the answer."""
        return self.output in ("json", "jsonl")


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table of options. `field` is the field of `Command` that it fills; without `metavar` it takes no value."""

    flags: tuple[str, ...]
    field: str
    help: str
    metavar: str = ""
    repeat: bool = False
    number: bool = False
    choices: tuple[str, ...] = ()
    constant: str | None = None

    @property
    def name(self) -> str:
        """The long flag without its dashes."""
        return self.flags[-1].removeprefix("--")


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the table of verbs. `run` is `module:function` under `codetriever.cli`; `least` and `most` count the words it takes.

    A verb whose first word is one of several, `list` among them, lists when there is none.
    """

    name: str
    words: str
    help: str
    run: str
    options: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    examples: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[str, ...]:
        """What the first word can be, of a verb for which that is one of several."""
        first = self.words.partition(" ")[0].strip("[]")
        return tuple(first.split("|")) if "|" in first else ()

    @property
    def lists(self) -> bool:
        """Say whether the verb alone means `VERB list`."""
        return "list" in self.actions


ROLES: Final = ("code", "test", "docs", "config", "generated")
OUTPUTS: Final = ("text", "json", "jsonl", "vimgrep")
SCOPES: Final = ("search", "index", "admin")
QUESTION_KINDS: Final = ("commits", "comments", "both")
PRIORITIES: Final = ("high", "normal", "low")
JOB_STATES: Final = ("pending", "running", "completed", "failed", "cancelled")

_OWN_OPTIONS: Final = (
    Option(("--offset",), "offset", "leave out the first N: the next page of an answer", "N", number=True),
    Option(("--path",), "paths", "only files whose path fits the glob; a leading ! excludes", "GLOB", repeat=True),
    Option(("--lang",), "languages", "only files in this language", "LANGUAGE", repeat=True),
    Option(("--role",), "roles", "only files with this role: " + ", ".join(ROLES), "ROLE", repeat=True),
    Option(("--branch",), "branch", "this branch instead of the one that is checked out", "BRANCH"),
    Option(("--repository",), "repositories", "this repository of the database, by name, instead of a checkout", "NAME", repeat=True),
    Option(("--exact",), "exact", "the whole query has to occur literally"),
    Option(("--files",), "files", "print paths only"),
    Option(("-C", "--context"), "context", "show each hit whole, with N lines around it", "N", number=True),
    Option(("--radius",), "radius", "widen what is shown by N lines each way", "N", number=True),
    Option(("--max-tokens",), "max_tokens", "fit the answer into N tokens", "N", number=True),
    Option(("--explain",), "explain", "show which signals decided each hit's place"),
    Option(("--json",), "output", "print one JSON object", constant="json"),
    Option(("--jsonl",), "output", "print one JSON object per hit and line", constant="jsonl"),
    Option(("--format",), "output", "how to print: " + ", ".join(OUTPUTS), "FORMAT", choices=OUTPUTS),
    Option(("-q", "--quiet"), "quiet", "print nothing but the answer and errors"),
    Option(("-v", "--verbose"), "verbose", "say more about what is done"),
    Option(("--yes",), "yes", "do it without asking"),
    Option(("--all",), "everything", "everything that is stored"),
    Option(("--allow",), "allow", "a folder that agents may search, with all that lies in it", "FOLDER", repeat=True),
    Option(("--http",), "http", "serve streamable HTTP instead of the standard input and output"),
    Option(("--address",), "address", "where to listen with --http, 127.0.0.1:8085 unless given", "HOST:PORT"),
    Option(("--admin",), "admin", "offer the tools that look after the machine's indexes"),
    Option(("--scope",), "scopes", "what a key is good for: " + ", ".join(SCOPES), "SCOPE", repeat=True),
    Option(("--expires",), "expires", "a key is good for N days; without this, until it is revoked", "N", number=True),
    Option(("--days",), "days", "what was not used for N days goes (30)", "N", number=True),
    Option(("--kind",), "kind", "what asks: " + ", ".join(QUESTION_KINDS), "KIND", choices=QUESTION_KINDS),
    Option(("--ranking",), "rankings", "words, vectors, both, or the share of vectors (0 to 1)", "RANKING", repeat=True),
    Option(("--embedder",), "embedders", "compare these embedders, named as the setting `model` names them", "MODEL", repeat=True),
    Option(("--questions",), "questions", "ask the questions of this file", "FILE"),
    Option(("--save",), "save", "write the questions to this file", "FILE"),
    Option(("--plot",), "plot", "draw the results into this file (SVG)", "FILE"),
    Option(("--max-questions",), "max_questions", "ask at most N questions, of all kinds together (200)", "N", number=True),
    Option(("--seed",), "seed", "choose other questions for another N", "N", number=True),
    Option(("--priority",), "priority", "which jobs come first: " + ", ".join(PRIORITIES), "PRIORITY", choices=PRIORITIES),
    Option(("--wait",), "wait", "wait for the end of the job, and show how far it is"),
    Option(("--contents",), "contents", "send the files of a folder here instead of naming one where the workers are"),
    Option(("--state",), "state", "only jobs in this state: " + ", ".join(JOB_STATES), "STATE", choices=JOB_STATES),
    Option(("--concurrency",), "concurrency", "do so many jobs at once, each in a process of its own (1)", "N", number=True),
    Option(("--once",), "once", "end when no job is due"),
    Option(("--project",), "project", "for this project, in files that others share, instead of for the user"),
    Option(("--dry-run",), "dry_run", "show what would be changed, and change nothing"),
    Option(("--check",), "check", "say whether the server answers and the clients know it"),
    Option(("--print",), "show", "print what to write into a client's settings by hand"),
    Option(("--profile-memory",), "profile_memory", "measure memory: peak of all processes, allocation rate, largest sites"),
)
_METAVARS: Final = {
    "size": "SIZE",
    "seconds": "TIME",
    "integer": "N",
    "path": "FOLDER",
    "text": "TEXT",
    "url": "URL",
    "choice": "WHEN",
    "boolean": "",
}
_SETTING_OPTIONS: Final = tuple(
    Option(
        ("-k", setting.flag) if setting.name == "limit" else (setting.flag,),
        setting.name,
        setting.help,
        "FILE" if setting.name.endswith("_file") else _METAVARS[setting.kind],
    )
    for setting in SETTINGS
)
SETTING_NAMES: Final = frozenset(setting.name for setting in SETTINGS)
OPTIONS: Final[Mapping[str, Option]] = {option.name: option for option in (*_OWN_OPTIONS, *_SETTING_OPTIONS)}

_ALWAYS: Final = ("json", "quiet", "verbose", "color", "store")
_FILTERS: Final = ("limit", "offset", "path", "lang", "role", "branch", "repository")
_OPENING: Final = ("no-refresh", "hidden", "no-ignore", "clone-addresses", "yes")
_SEARCH: Final = (*_FILTERS, "exact", "files", "context", "max-tokens", "explain", "jsonl", "format", *_OPENING)

VERBS: Final[Mapping[str, Verb]] = {
    verb.name: verb
    for verb in (
        Verb(
            "search", "QUERY [PATH...]", "find code by what it does", "searching:search", (*_SEARCH, *_ALWAYS), least=1,
            examples=('codetriever "where are sessions refreshed"', 'codetriever search "retry with backoff" src --lang python -k 3'),
        ),
        Verb(
            "index", "[PATH...]", "bring the index up to date", "indexing:index",
            ("hidden", "no-ignore", "yes", "profile-memory", "memory", "workers", "max-file-bytes", "model", *_ALWAYS),
            examples=("codetriever index", "codetriever index ~/src/project --memory 256MiB"),
        ),
        Verb(
            "usages", "SYMBOL [PATH...]", "every occurrence of a symbol, definitions first", "symbols:usages",
            (*_FILTERS, "files", "format", *_OPENING, *_ALWAYS), least=1,
            examples=("codetriever usages parse_config",),
        ),
        Verb(
            "similar", "WHAT [PATH...]", "code like a snippet, a FILE:LINE or a symbol (- reads the snippet)", "searching:similar",
            tuple(name for name in (*_SEARCH, *_ALWAYS) if name != "exact"), least=1,
            examples=("codetriever similar src/app/session.py:41", "codetriever similar - < snippet.py"),
        ),
        Verb(
            "context", "FILE:LINE", "what surrounds a line: its definition, imports, neighbours", "symbols:context",
            ("radius", "branch", "repository", *_OPENING, *_ALWAYS), least=1, most=1,
            examples=("codetriever context src/app/session.py:41 --radius 5",),
        ),
        Verb(
            "outline", "[PATH]", "the symbols of a file or folder", "symbols:outline",
            ("branch", "repository", *_OPENING, *_ALWAYS), most=1,
            examples=("codetriever outline src/app",),
        ),
        Verb("status", "[PATH...]", "what is indexed here, and how fresh it is", "stored:status", ("repository", *_ALWAYS)),
        Verb("list", "", "every index that is stored", "stored:list_all", ("repository", *_ALWAYS), most=0),
        Verb(
            "remove", "[PATH...]", "delete the index of a repository", "stored:remove", ("all", "repository", "yes", *_ALWAYS),
            examples=("codetriever remove ~/src/project", "codetriever remove --all --yes"),
        ),
        Verb(
            "clean", "", "delete branches that nobody uses, or that are gone, and what none lists", "upkeep:clean",
            ("days", "dry-run", "yes", "database-url", "tenant", *_ALWAYS), most=0,
            examples=("codetriever clean --dry-run", "codetriever clean --days 7 --yes"),
        ),
        Verb(
            "compact", "", "merge what is searched into few pieces, and give back room", "upkeep:compact",
            ("database-url", "tenant", *_ALWAYS), most=0,
        ),
        Verb("stats", "", "how much is stored", "upkeep:stats", ("database-url", "tenant", *_ALWAYS), most=0),
        Verb(
            "watch", "[PATH...]", "keep the index up to date until interrupted", "indexing:watch",
            ("hidden", "no-ignore", "yes", *_ALWAYS),
        ),
        Verb(
            "mcp", "", "serve coding agents by the Model Context Protocol", "mcp:mcp",
            ("allow", "admin", "http", "address", "no-refresh", "mcp-patience-s", "mcp-structured", "mcp-token-file", "no-savings",
             "clone-addresses", "database-url", *_ALWAYS),
            most=0, examples=("codetriever mcp", "codetriever mcp --allow ~/src --http"),
        ),
        Verb("savings", "", "what answers cost the agents here, and what grep would have", "savings:savings", _ALWAYS, most=0),
        Verb(
            "db", "start|stop|status|migrate|distribute [FOLDER]", "run a database here, bring one up to date, spread one over servers",
            "db:db", ("database-url", *_ALWAYS), least=1, most=2,
            examples=("codetriever db start", "codetriever db migrate --database-url postgresql://codetriever@db.example/codetriever"),
        ),
        Verb(
            "tenants", "list|create|remove|audit [NAME]", "who shares the database, and what was changed", "tenants:tenants",
            ("yes", "database-url", "tenant", *_ALWAYS), least=1, most=2,
            examples=("codetriever tenants create harbour", "codetriever tenants audit --tenant harbour"),
        ),
        Verb(
            "repositories", "list|show|rename|remove|statistics [NAME] [NEW]", "a tenant's repositories in the database",
            "repositories:repositories", ("yes", "database-url", "tenant", *_ALWAYS), least=1, most=3,
            examples=("codetriever repositories list", "codetriever repositories rename local/shop github.com/harbour/shop"),
        ),
        Verb(
            "keys", "list|create|revoke [NAME]", "the keys that programs show a server", "keys:keys",
            ("scope", "expires", "yes", "database-url", "tenant", *_ALWAYS), least=1, most=2,
            examples=("codetriever keys create robot --scope search,index --expires 90", "codetriever keys revoke robot"),
        ),
        Verb(
            "jobs", "submit|list|show|cancel|purge [SOURCE|JOB]", "have workers index an address, a folder or contents", "jobs:jobs",
            ("branch", "repository", "priority", "contents", "wait", "state", "limit", "offset", "all", "database-url", "tenant", *_ALWAYS),
            least=1, most=2,
            examples=(
                "codetriever jobs submit https://github.com/owner/name --wait",
                "codetriever jobs submit . --contents --priority high",
                "codetriever jobs list --state failed",
            ),
        ),
        Verb(
            "worker", "", "do the jobs that wait, until told to end", "worker:worker",
            ("concurrency", "once", "database-url", "memory", "workers", "job-folders", "job-addresses", "model", *_ALWAYS), most=0,
            examples=("codetriever worker --concurrency 4", "codetriever worker --once --job-folders /srv/repositories"),
        ),
        Verb(
            "install", "[CLIENT...]", "make this known to coding agents", "install:install",
            ("project", "dry-run", "check", "print", "yes", *_ALWAYS),
            examples=("codetriever install", "codetriever install codex --dry-run", "codetriever install claude-code --project"),
        ),
        Verb(
            "uninstall", "[CLIENT...]", "take it out of the agents' settings", "install:uninstall",
            ("project", "dry-run", "yes", *_ALWAYS),
        ),
        Verb(
            "explain-path", "FILE...", "why a file is indexed or not, with language, role and chunks", "explaining:explain_path",
            ("hidden", "no-ignore", *_ALWAYS), least=1,
        ),
        Verb(
            "config", "[show|path]", "the settings and where each comes from", "settings:config",
            (*(setting.flag.removeprefix("--") for setting in SETTINGS if setting.name not in ("color", "store")), *_ALWAYS), most=1,
        ),
        Verb(
            "eval", "[PATH]", "measure how well a repository's own commits and comments are answered", "eval:evaluate_repository",
            ("kind", "ranking", "embedder", "max-questions", "seed", "questions", "save", "plot", "yes", *_ALWAYS), most=1,
            examples=("codetriever eval", "codetriever eval --kind commits --ranking both,0.3 --plot eval.svg"),
        ),
        Verb(
            "model", "list|info|use|check [MODEL]", "what makes vectors: what there is, what it is, choose it, try it", "model:model",
            ("model", "model-precision", "remote-url", "remote-dimensions", "remote-timeout-s", "remote-concurrency", *_ALWAYS),
            least=1, most=2,
            examples=("codetriever model list", "codetriever model use transformer:jinaai/jina-embeddings-v2-base-code"),
        ),
        Verb("doctor", "", "check the installation and say how to mend it", "doctor:doctor", _ALWAYS, most=0),
        Verb("completion", "bash|fish|zsh|tcsh", "print the completion script of a shell", "completion:completion", least=1, most=1),
    )
}  # fmt: skip
