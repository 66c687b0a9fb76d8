"""`-- if :x` at the end of a line: which text it makes optional."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from salacia_db.codegen.facts import OptionalLine, ParameterUse, SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.directives import unsupported
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.names import python_name
from salacia_db.codegen.source.parameters import Edit
from salacia_db.codegen.source.rewriting import Pieces, text_offset
from salacia_db.codegen.source.sections import begins_line
from salacia_db.codegen.source.suggest import did_you_mean

_CONDITION = re.compile(r"\s*if\s+:(?P<name>\w+)\s*")
_WORD_AND_NAME = re.compile(r"\s*(?P<word>\w+)\s*:?\s*:(?P<name>\w+)\??\s*")
_IF_NAME = re.compile(r"\s*if\s*:?\s*(?P<name>\w+)\s*", re.IGNORECASE)
_IF_MORE = re.compile(r"\s*if\b.*?(?<![:\w]):[A-Za-z_].*")


class Condition(Struct, frozen=True):
    """A `-- if :name`: its place, and the place of the text that it governs."""

    name: str
    at: Span
    start: int
    end: int

    def without(self) -> Edit:
        """Leaves the comment out of the text for the server, with the space around it."""
        text = self.at.file.text
        line_end = text.find("\n", self.at.end)
        return Edit(len(text[: self.at.start].rstrip()), len(text) if line_end < 0 else line_end)


def find_conditions(
    tokens: Sequence[Token], file: SourceFile, names: Iterable[str]
) -> tuple[list[Condition], list[Problem]]:
    """The conditions among the tokens from a statement's first one on.

    `names` are the statement's parameters. The tokens go on behind the statement's end, where the
    condition of its last line stands.
    """
    known = tuple(names)
    conditions: list[Condition] = []
    problems: list[Problem] = []
    for index, token in enumerate(tokens):
        if token.kind != "comment" or begins_line(token, file.text):
            continue
        at = Span(file, token.start, token.start + len(token.text.rstrip()))
        found: Condition | str | Problem | None = _read(token.text[2:], at, known)
        if isinstance(found, str):
            found = _govern(tokens, index, found, at)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            conditions.append(found)
    return conditions, problems


def _read(text: str, at: Span, names: Sequence[str]) -> str | Problem | None:
    """The name of the parameter that a comment asks for; None for prose."""
    match = _CONDITION.fullmatch(text)
    if match is not None:
        name = python_name(match["name"])
        if name is not None and name in names:
            return name
        near = did_you_mean(match["name"], names)
        message = f"the statement has no parameter `{match['name']}`"
        return Problem(message, at, f"did you mean `-- if :{near}`?" if near else None)
    if _IF_MORE.fullmatch(text):
        message = f"`--{text.rstrip()}` is not supported yet"
        return Problem(message, at, "a condition is `-- if :name`, one name")
    match = _WORD_AND_NAME.fullmatch(text) or _IF_NAME.fullmatch(text)
    if match is not None and python_name(match["name"]) in names:
        message = "this looks like a condition, but isn't"
        return Problem(message, at, f"write `-- if :{match['name']}`")
    return unsupported(text, at)


def _govern(tokens: Sequence[Token], comment: int, name: str, at: Span) -> Condition | Problem:
    """What the condition at `tokens[comment]` governs: its line, and all brackets opened there."""
    first = _behind_keyword(tokens, _line_start(tokens, comment), comment)
    depth = 0
    last: int | None = None
    for index in range(first, len(tokens)):
        token = tokens[index]
        if depth == 0 and (token.is_symbol(";") or (index > comment and _breaks_line(token))):
            break
        if token.is_symbol(")", "]"):
            if depth == 0:
                # The bracket belongs to a line above; what follows it there could belong to both.
                if index < comment and not _only_closes(tokens[index:comment]):
                    return _closes_too_much(token, at)
                break
            depth -= 1
        elif token.is_symbol("(", "["):
            depth += 1
        if token.significant:
            last = index
    if last is None:
        return _closes_too_much(tokens[first], at)
    return Condition(name, at, tokens[first].start, tokens[last].end)


def _line_start(tokens: Sequence[Token], comment: int) -> int:
    """The first significant token of a line; a token of many lines makes them one."""
    first = comment
    for index in range(comment - 1, -1, -1):
        if _breaks_line(tokens[index]):
            break
        if tokens[index].significant:
            first = index
    return first


def _behind_keyword(tokens: Sequence[Token], first: int, comment: int) -> int:
    """Where the line's own text begins: WHERE, HAVING, ORDER BY and SET belong to the lines under
    them too, and are tidied away if nothing is left of those.
    """
    words = [index for index in range(first, comment) if tokens[index].significant]
    skipped = 0
    if tokens[first].is_word("where", "having", "set"):
        skipped = 1
    elif len(words) > 1 and tokens[first].is_word("order") and tokens[words[1]].is_word("by"):
        skipped = 2
    alone = len(words) <= skipped or tokens[words[skipped]].is_symbol(",")
    return first if alone else words[skipped]


def _breaks_line(token: Token) -> bool:
    return token.kind == "space" and "\n" in token.text


def _only_closes(tokens: Sequence[Token]) -> bool:
    return all(t.is_symbol(")", "]", ",", ";") for t in tokens if t.significant)


def _closes_too_much(token: Token, at: Span) -> Problem:
    if token.is_symbol(";"):
        return Problem("the condition of an empty line", at, "put it on the line that it governs")
    return Problem(
        f"the line of a condition closes a `{token.text}` that it doesn't open",
        Span(at.file, token.start, token.end),
        "put the condition on the line that opens it, or the bracket on a line of its own",
    )


def optional_lines(
    conditions: Sequence[Condition], pieces: Pieces, parameters: Mapping[str, ParameterUse]
) -> tuple[tuple[OptionalLine, ...], list[Problem]]:
    """The conditions as places in the statement's `sql`, if each parameter is free to be absent."""
    lines = [
        OptionalLine(c.name, text_offset(pieces, c.start), text_offset(pieces, c.end), c.at)
        for c in conditions
    ]
    problems: list[Problem] = []
    for name in dict.fromkeys(line.name for line in lines):
        regions = [line for line in lines if line.name == name]
        problems += _used_elsewhere(parameters[name], regions)
        if parameters[name].default is not None:
            problems.append(
                Problem(
                    f"`{name}` has a default, so it is always given",
                    regions[0].source,
                    "remove the default or the condition",
                )
            )
    return tuple(sorted(lines, key=lambda line: (line.start, -line.end))), problems


def _used_elsewhere(parameter: ParameterUse, regions: Sequence[OptionalLine]) -> Iterator[Problem]:
    for marker in parameter.markers:
        if not any(line.start <= marker.start and marker.end <= line.end for line in regions):
            yield Problem(
                f"`{parameter.name}` is optional elsewhere, but this line needs it",
                marker.source,
                f"end this line with `-- if :{parameter.name}` too",
            )
