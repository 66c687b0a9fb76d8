"""The line `-- name: search :many` above a statement, and what people write in its place."""

import re

from msgspec import Struct

from salacia_db.codegen.facts import Dialect, Kind, SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.names import python_name
from salacia_db.codegen.source.suggest import did_you_mean

KINDS: dict[Dialect, dict[str, Kind]] = {
    "salacia": {
        "one": "one",
        "one!": "one!",
        "many": "many",
        "exec": "exec",
        "bulk": "bulk",
        "copy": "copy",
        "stream": "stream",
        "page": "page",
    },
    "sqlc": {
        "one": "one",
        "many": "many",
        "exec": "exec",
        "execrows": "exec",
        "execresult": "exec",
        "copyfrom": "copy",
        "batchexec": "bulk",
        "batchone": "batchone",
        "batchmany": "batchmany",
    },
}
_REFUSED = {
    "execlastid": (
        "PostgreSQL has no last insert id",
        "return it: `insert … returning id` with :one",
    ),
}
_ALL_KINDS = frozenset((*KINDS["salacia"], *KINDS["sqlc"], *_REFUSED))

_LABEL = re.compile(r"\s*name\s*:")
_WORDS = re.compile(r"\s*(?P<name>[^\s:]+)\s+:(?P<kind>\w+!?)\s*")
_NEAR_MISS = re.compile(
    r"\s*(?P<label>\w+)(?:\s*:\s*|\s+)(?P<name>[^\s:]+)\s*:\s*(?P<kind>\w+!?)\s*"
)
_WITHOUT_LABEL = re.compile(r"\s*(?P<name>\w+)\s+:(?P<kind>\w+!?)\s*")


class Annotation(Struct, frozen=True):
    """A statement's annotation: its name for Python, where the name stands, its kind."""

    name: str
    name_at: Span
    kind: Kind
    header: Span


def read_annotation(
    comment: Token, file: SourceFile, dialect: Dialect
) -> Annotation | Problem | None:
    """The annotation in a comment that begins its line; None if the comment is something else."""
    if comment.kind == "block" and "\n" in comment.text:
        return None  # a statement that was commented out
    start, text = _inside(comment)
    header = Span(file, comment.start, comment.start + len(comment.text.rstrip()))
    label = _LABEL.match(text)
    if label is None:
        return _near_miss(text, header)
    words = _WORDS.fullmatch(text, label.end())
    if words is None:
        return _incomplete(text[label.end() :], header, dialect)
    if comment.text[0] == "#" and dialect != "sqlc":
        return Problem("`#` begins no comment in PostgreSQL", header, _usage(words["name"]))
    name_at = Span(file, start + words.start("name"), start + words.end("name"))
    kind_at = Span(file, start + words.start("kind") - 1, start + words.end("kind"))
    name = python_name(words["name"])
    if name is None:
        return Problem(
            f"`{words['name']}` can't be the name of a function",
            name_at,
            "begin with a letter and go on with letters, digits and underscores",
        )
    kind = _read_kind(words["kind"], kind_at, dialect)
    return kind if isinstance(kind, Problem) else Annotation(name, name_at, kind, header)


def _inside(comment: Token) -> tuple[int, str]:
    """Where the comment's own text begins, and that text."""
    length = 1 if comment.text[0] == "#" else 2
    end = len(comment.text) - 2 if comment.kind == "block" else len(comment.text)
    return comment.start + length, comment.text[length:end]


def _read_kind(word: str, at: Span, dialect: Dialect) -> Kind | Problem:
    kinds = KINDS[dialect]
    if word in kinds:
        return kinds[word]
    if word in _REFUSED:
        return Problem(_REFUSED[word][0], at, _REFUSED[word][1])
    other: Dialect = "salacia" if dialect == "sqlc" else "sqlc"
    if word in KINDS[other]:
        same = next((k for k, kind in kinds.items() if kind == KINDS[other][word]), None)
        hint = f"here it is :{same}" if same else f'set dialect = "{other}" for it'
        return Problem(f":{word} belongs to the dialect {other}", at, hint)
    near = did_you_mean(word, kinds)
    hint = f"did you mean `:{near}`?" if near else f"use one of {_listed(dialect)}"
    return Problem(f"there is no kind :{word}", at, hint)


def _listed(dialect: Dialect) -> str:
    return ", ".join(f":{kind}" for kind in KINDS[dialect])


def _usage(name: str, kind: str = "many") -> str:
    return f"write `-- name: {name} :{kind}`"


def _incomplete(rest: str, header: Span, dialect: Dialect) -> Problem:
    words = re.findall(r"[^\s:]+", rest)
    if not words:
        return Problem("an annotation without a name", header, _usage("search"))
    if len(words) == 1:
        hint = f"{_usage(words[0])}; the kinds are {_listed(dialect)}"
        return Problem(f"the annotation of `{words[0]}` has no kind", header, hint)
    if len(words) > 2 and words[-1] in KINDS[dialect] and not _WORDS.match(rest):
        hint = _usage("_".join(words[:-1]), words[-1])
        return Problem("a name is one word", header, hint)
    kind = did_you_mean(words[1], KINDS[dialect]) or "many"
    if _WORDS.match(rest):
        hint = f"{_usage(words[0], kind)} and put the rest on lines of its own under it"
        return Problem("more than a name and a kind in an annotation", header, hint)
    return Problem("this annotation can't be read", header, _usage(words[0], kind))


def _near_miss(text: str, header: Span) -> Problem | None:
    match = _NEAR_MISS.fullmatch(text)
    if match is not None:
        kind = match["kind"] if match["kind"] in _ALL_KINDS else None
        if kind is None and did_you_mean(match["label"], ["name"]) is not None:
            kind = did_you_mean(match["kind"], _ALL_KINDS)
        if kind is not None:
            return Problem(
                "this looks like an annotation, but isn't", header, _usage(match["name"], kind)
            )
    match = _WITHOUT_LABEL.fullmatch(text)
    if match is not None and match["kind"] in _ALL_KINDS:
        return Problem(
            "this looks like an annotation, but isn't",
            header,
            _usage(match["name"], match["kind"]),
        )
    return None
