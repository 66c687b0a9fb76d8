"""The comments between `-- name:` and the statement: directives, and what is left as its doc."""

import ast
import keyword
import math
import re
import warnings
from collections.abc import Iterable, Sequence

from msgspec import Struct

from salacia_db.codegen.facts import Batching, Dialect, Empty, OutputType, SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.names import python_name
from salacia_db.codegen.source.suggest import did_you_mean

_LABELLED = re.compile(r"\s*(?P<label>[A-Za-z_]+)\s*:\s*(?P<value>.*?)\s*")
_TIMEOUT = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|min)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
_LONGEST_DEFAULT = 1000
_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]*")
_DEFAULT = re.compile(r"(?P<name>\w+)\s+(?P<value>\S.*)")
_NAMES = re.compile(r"\w+(?:\s*,\s*\w+)*")

# What the value of each looks like, roughly: tells a misspelt directive from prose.
_SHAPES = {
    "returns": re.compile(r"\w+"),
    "empty": re.compile(r"\w+"),
    "none": _CLASS,
    "timeout": re.compile(r"[0-9].*"),
    "nullable": _NAMES,
    "default": _DEFAULT,
}
# These are prose, however near to a directive.
_PROSE = frozenset(("note", "notes", "node", "one", "done", "zone", "tone"))
_WITHOUT_COLON = re.compile(
    r"\s*(?:(?P<label>returns|none)\s+[A-Z]\w*|(?P<timed>timeout)\s+[0-9]\S*)\s*"
)
_BATCH = re.compile(r"\s*batch(?:\s*:\s*(?P<size>.*?))?\s*")
_SIZE = re.compile(r"[0-9]{1,6}")
_BATCH_SIZE = 256
_LARGEST_BATCH = 10_000
_NEARLY_BATCH = re.compile(r"\s*(?P<word>[A-Za-z]+)(?:\s*:?\s*(?P<size>[0-9]+))?\s*")
# A word of its own in a comment, however near to `batch`.
_NOT_BATCH = frozenset(("bath", "beach", "catch", "hatch", "latch", "match", "patch", "watch"))
_ARGUMENTS = r"(?:\[[\w.,|\s\[\]]*\])?"
_AS = re.compile(
    r"\s*as\s+(?P<name>\w+)\s*:\s*"
    rf"(?P<type>[\w.]+{_ARGUMENTS}(?:\s*\|\s*[\w.]+{_ARGUMENTS})*)\s*"
)
_AT_LINE_END = re.compile(
    r"\s*(?:(?P<if>if\s+:\w+.*)|(?P<label>sort|where)\s*:\s*[\w.]+(?:\s*/\s*\w+)?)\s*"
)


class Line(Struct, frozen=True):
    """A line of a comment, without what makes it a comment."""

    text: str
    at: Span


class Named(Struct, frozen=True):
    """A parameter that a directive names, with its default if the directive gives one."""

    name: str
    at: Span
    default: str | None = None


class Directives(Struct, frozen=True):
    """What the comments above a statement say."""

    doc: str = ""
    returns: Named | None = None
    none: Named | None = None
    timeout: float | None = None
    empty: Empty | None = None
    nullable: tuple[Named, ...] = ()
    defaults: tuple[Named, ...] = ()
    output_types: tuple[OutputType, ...] = ()
    batch: Batching | None = None


def comment_lines(comments: Iterable[Token], file: SourceFile) -> list[Line]:
    """The lines of some comments; an empty one where the file has an empty line between two."""
    lines: list[Line] = []
    end: int | None = None
    for comment in comments:
        if end is not None and file.text.count("\n", end, comment.start) > 1:
            lines.append(Line("", Span(file, comment.start, comment.start)))
        end = comment.end
        start = comment.start
        for number, text in enumerate(comment.text.split("\n")):
            at = Span(file, start, start + len(text.rstrip()))
            start += len(text) + 1
            lines.append(Line(_content(comment, text, number), at))
    return lines


def _content(comment: Token, text: str, number: int) -> str:
    if comment.kind == "comment":
        return text[2:].removeprefix(" ").rstrip()
    text = text[2:] if number == 0 else re.sub(r"^\s*\*(?!/) ?", "", text)
    return text.removesuffix("*/").strip()


def read_directives(lines: Sequence[Line], dialect: Dialect) -> tuple[Directives, list[Problem]]:
    """The directives and the doc; sqlc's dialect has no directives."""
    reader = _Reader()
    doc = [line.text for line in lines if dialect == "sqlc" or not reader.take(line)]
    return reader.result(re.sub(r"\n{3,}", "\n\n", "\n".join(doc)).strip()), reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._lines: dict[str, Line] = {}
        self._returns: Named | None = None
        self._none: Named | None = None
        self._timeout: float | None = None
        self._empty: Empty | None = None
        self._nullable: list[Named] = []
        self._defaults: list[Named] = []
        self._output_types: list[OutputType] = []
        self._batch: Batching | None = None

    def result(self, doc: str) -> Directives:
        return Directives(
            doc=doc,
            returns=self._returns,
            none=self._none,
            timeout=self._timeout,
            empty=self._empty,
            nullable=tuple(self._nullable),
            defaults=tuple(self._defaults),
            output_types=tuple(self._output_types),
            batch=self._batch,
        )

    def take(self, line: Line) -> bool:
        """Read the line if it is a directive, or was meant as one."""
        output = _AS.fullmatch(line.text)
        if output is not None:
            self._output_types.append(OutputType(output["name"], output["type"], line.at))
            return True
        batch = _BATCH.fullmatch(line.text)
        if batch is not None:
            self._read_batch(batch["size"], line)
            return True
        match = _LABELLED.fullmatch(line.text)
        if match is None or match["label"] not in _SHAPES:
            problem = _suspicious(line)
            if problem is not None:
                self.problems.append(problem)
            return problem is not None
        label, value = match["label"], match["value"]
        if label in ("returns", "none", "timeout", "empty"):
            if label in self._lines:
                self._problem(f"`{label}:` is given twice", line.at, "keep one of them")
            self._lines[label] = line
        match label:
            case "returns":
                self._returns = self._class(value, line, "a struct", "AiInteraction")
            case "none":
                self._none = self._class(value, line, "an error", "StaleInvoice")
            case "timeout":
                self._read_timeout(value, line)
            case "empty":
                self._empty = self._statement(value, line)
            case "nullable":
                self._read_nullable(value, line)
            case _:
                self._read_default(value, line)
        return True

    def _problem(self, message: str, at: Span, hint: str) -> None:
        self.problems.append(Problem(message, at, hint))

    def _class(self, value: str, line: Line, what: str, example: str) -> Named | None:
        if _CLASS.fullmatch(value) and not keyword.iskeyword(value):
            return Named(value, line.at)
        self._problem(f"`{value}` can't be the name of {what}", line.at, f"write it like {example}")
        return None

    def _statement(self, value: str, line: Line) -> Empty | None:
        name = python_name(value)
        if name is None:
            hint = "write it like `-- empty: get`"
            self._problem("`empty:` takes the name of a statement", line.at, hint)
            return None
        return Empty(name, line.at)

    def _read_timeout(self, value: str, line: Line) -> None:
        match = _TIMEOUT.fullmatch(value)
        seconds = float(match["amount"]) * _SECONDS[match["unit"]] if match else 0.0
        if not 0 < seconds < float("inf"):
            hint = "write it like 500ms, 2s or 1min"
            self._problem(f"`{value}` is no time to wait", line.at, hint)
            return
        self._timeout = seconds

    def _read_batch(self, value: str | None, line: Line) -> None:
        if self._batch is not None:
            self._problem("`batch` is given twice", line.at, "keep one of them")
        size = _BATCH_SIZE if value is None else int(value) if _SIZE.fullmatch(value) else 0
        if not 2 <= size <= _LARGEST_BATCH:
            hint = f"write `-- batch`, or `-- batch: {_BATCH_SIZE}` for the most calls in one"
            what = f"`{value}` is no number of calls from 2 to {_LARGEST_BATCH}"
            self._problem(what, line.at, hint)
            return
        self._batch = Batching(size, line.at)

    def _read_nullable(self, value: str, line: Line) -> None:
        if not _NAMES.fullmatch(value):
            hint = "write `-- nullable: a, b` with names of parameters"
            self._problem("`nullable:` takes names of parameters", line.at, hint)
            return
        self._nullable += [Named(name, line.at) for name in re.findall(r"\w+", value)]

    def _read_default(self, value: str, line: Line) -> None:
        match = _DEFAULT.fullmatch(value)
        if match is None:
            hint = "write it like `-- default: limit 20`"
            self._problem("`default:` takes a parameter and a value", line.at, hint)
            return
        expression = python_literal(match["value"])
        if expression is None:
            self._problem(
                f"`{match['value']}` can't be a default",
                line.at,
                "a default is a number, a quoted string, True, False, None or uuid7()",
            )
            return
        self._defaults.append(Named(match["name"], line.at, expression))


def python_literal(text: str) -> str | None:
    """The text as Python's repr writes it, if it is a plain literal or `uuid7()`."""
    if len(text) > _LONGEST_DEFAULT:
        return None
    try:
        with warnings.catch_warnings(action="error"):  # an unknown escape, say
            node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    sign = ""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, "-"
        if not isinstance(node, ast.Constant) or isinstance(node.value, (bool, str, type(None))):
            return None
    match node:
        case ast.Call(func=ast.Name(id="uuid7"), args=[], keywords=[]) if not sign:
            return "uuid7()"
        case ast.Constant(value=bool() | int() | str() | None as value):
            return sign + repr(value)
        case ast.Constant(value=float() as value) if math.isfinite(value):
            return sign + repr(value)
        case _:
            return None


def _suspicious(line: Line) -> Problem | None:
    known = _stray_condition(line) or _nearly_batch(line)
    if known is not None:
        return known
    bare = _WITHOUT_COLON.fullmatch(line.text)
    if bare is not None:
        label = bare["label"] or bare["timed"]
        value = line.text.split()[1]
        message = f"`{label}` looks like a directive, but isn't"
        return Problem(message, line.at, f"write `-- {label}: {value}`")
    match = _LABELLED.fullmatch(line.text)
    if match is None or match["label"].lower() in _PROSE:
        return None
    near = did_you_mean(match["label"], _SHAPES, likeness=0.7)
    if near is None or not _SHAPES[near].fullmatch(match["value"]):
        return None
    message = f"there is no directive `{match['label']}:`"
    return Problem(message, line.at, f"did you mean `-- {near}: {match['value']}`?")


def _nearly_batch(line: Line) -> Problem | None:
    match = _NEARLY_BATCH.fullmatch(line.text)
    if match is None or match["word"].lower() in _NOT_BATCH:
        return None
    if did_you_mean(match["word"], ("batch",), likeness=0.8) is None:
        return None
    meant = "batch" + (f": {match['size']}" if match["size"] else "")
    message = f"there is no directive `{line.text.strip()}`"
    return Problem(message, line.at, f"did you mean `-- {meant}`?")


_ABOVE = "directives stand between `-- name:` and the statement"


def stray_batch(line: Line) -> Problem | None:
    """The problem of `-- batch` anywhere below the first word of its statement."""
    if _BATCH.fullmatch(line.text) is None:
        return None
    return Problem("`batch` has no effect here", line.at, _ABOVE)


def misplaced(line: Line) -> Problem | None:
    """The problem of a comment on a line of its own that has a meaning only elsewhere."""
    match = _LABELLED.fullmatch(line.text) or _AS.fullmatch(line.text)
    if match is not None and match.re is _AS:
        return Problem("`as` has no effect here", line.at, _ABOVE)
    if match is None or match["label"] not in _SHAPES:
        return _stray_condition(line)
    if not _SHAPES[match["label"]].fullmatch(match["value"]):
        return None
    return Problem(
        f"`{match['label']}:` has no effect here",
        line.at,
        _ABOVE,
    )


def _stray_condition(line: Line) -> Problem | None:
    match = _AT_LINE_END.fullmatch(line.text)
    if match is None:
        return None
    what = "-- if" if match["if"] else f"-- {match['label']}:"
    hint = "put it at the end of the line that it makes optional"
    if match["label"] == "sort":
        hint = "put it at the end of a line of ORDER BY"
    elif match["label"]:
        hint = "put it at the end of the line of WHERE under which the others go"
    return Problem(f"`{what}` has no effect on a line of its own", line.at, hint)
