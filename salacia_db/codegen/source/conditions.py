"""Conditions at the ends of lines: which text depends on what is given or chosen."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from salacia_db.codegen.facts import (
    SORT,
    Choice,
    Filter,
    OptionalLine,
    ParameterUse,
    SourceFile,
    Span,
)
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token, outermost
from salacia_db.codegen.source.names import python_name
from salacia_db.codegen.source.parameters import Edit
from salacia_db.codegen.source.rewriting import Pieces, text_offset
from salacia_db.codegen.source.sections import begins_line
from salacia_db.codegen.source.sorting import Reverse
from salacia_db.codegen.source.suggest import did_you_mean

_CONDITION = re.compile(r"\s*if\s+:(?P<name>\w+)(?:\s*=\s*(?P<value>\w+))?\s*")
_SORT = re.compile(r"\s*sort:\s*(?P<key>\w+)(?:\s*/\s*(?P<reverse>\w+))?\s*")
_WHERE = re.compile(r"\s*where:\s*(?:(?P<group>\w+)\.)?(?P<name>\w+)\s*")
_LABELLED = re.compile(r"\s*(?P<label>[A-Za-z]+)\s*:\s*(?P<value>\S.*?)\s*")
_WORD_AND_NAME = re.compile(r"\s*(?P<word>\w+)\s*:?\s*:(?P<name>\w+)\??\s*")
_WITH_VALUE = re.compile(r"\s*\w+\s*:?\s*:(?P<name>\w+)\s*=+\s*'?(?P<value>\w+)'?\s*")
_IF_NAME = re.compile(r"\s*if\s*:?\s*(?P<name>\w+)\s*", re.IGNORECASE)
_IF_MORE = re.compile(r"\s*if\b.*?(?<![:\w]):[A-Za-z_].*")
_IN_BLOCK = re.compile(r"/\*\s*(?:if\s+:\w.*|sort:\s*\w.*|where:\s*[\w.]+)\s*\*/")
_CLAUSES = ("select", "from", "where", "having", "window", "limit", "offset", "returning", "union")
_FLAGS = ("true", "false")
_USAGE = "a condition is `-- if :name` or `-- if :name = value`"


class Condition(Struct, frozen=True):
    """A condition: what it asks for, its place, and the place of the text that it governs."""

    name: str
    value: str | None
    at: Span
    start: int
    end: int
    reverse: str | None = None


class Found(Struct, frozen=True):
    """What the comments of a statement's lines say. `filters` have offsets of the file."""

    conditions: tuple[Condition, ...]
    filters: tuple[Filter, ...]

    def edits(self, end: int) -> list[Edit]:
        """Leaves the comments before `end` out of the text for the server, and space around."""
        places = [*(c.at for c in self.conditions), *(f.source for f in self.filters)]
        return [_without(at) for at in places if at.start < end]


def _without(at: Span) -> Edit:
    text = at.file.text
    line_end = text.find("\n", at.end)
    return Edit(len(text[: at.start].rstrip()), len(text) if line_end < 0 else line_end)


class _Asked(Struct, frozen=True):
    """What a comment asks for, before it is known which text that concerns."""

    name: str
    value: str | None = None
    reverse: str | None = None


def find_conditions(
    tokens: Sequence[Token], file: SourceFile, names: Iterable[str]
) -> tuple[Found, list[Problem]]:
    """The conditions among the tokens from a statement's first one on.

    `names` are the statement's parameters. The tokens go on behind the statement's end, where the
    condition of its last line stands.
    """
    known = tuple(names)
    conditions: list[Condition] = []
    filters: list[Filter] = []
    problems: list[Problem] = []
    for index, token in enumerate(tokens):
        at = Span(file, token.start, token.start + len(token.text.rstrip()))
        if _IN_BLOCK.fullmatch(token.text):
            message = "this looks like a condition, but isn't"
            hint = f"write `-- {token.text[2:-2].strip()}` at the end of the line"
            problems.append(Problem(message, at, hint))
        if token.kind != "comment" or begins_line(token, file.text):
            continue
        where = _WHERE.fullmatch(token.text[2:])
        if where is not None:
            governed = _govern(tokens, index, at)
            if isinstance(governed, Problem):
                problems.append(governed)
            else:
                filters.append(Filter(where["group"], where["name"], governed.end, at))
            continue
        asked = _read(token.text[2:], at, known)
        found = _condition_at(tokens, index, asked, at) if isinstance(asked, _Asked) else asked
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            conditions.append(found)
    return Found(tuple(conditions), tuple(filters)), problems


def _read(text: str, at: Span, names: Sequence[str]) -> _Asked | Problem | None:
    """What a comment asks for; None for prose."""
    sort = _SORT.fullmatch(text)
    if sort is not None:
        return _Asked(SORT, sort["key"], sort["reverse"])
    match = _CONDITION.fullmatch(text)
    if match is not None:
        return _condition(match["name"], match["value"], at, names)
    match = _WITH_VALUE.fullmatch(text)
    if match is not None:
        message = "this looks like a condition, but isn't"
        return Problem(message, at, f"write `-- if :{match['name']} = {match['value']}`")
    if _IF_MORE.fullmatch(text):
        return Problem(f"`--{text.rstrip()}` is no condition", at, _USAGE)
    match = _WORD_AND_NAME.fullmatch(text) or _IF_NAME.fullmatch(text)
    if match is not None and python_name(match["name"]) in names:
        message = "this looks like a condition, but isn't"
        return Problem(message, at, f"write `-- if :{match['name']}`")
    return near_miss(text, at)


def near_miss(text: str, at: Span) -> Problem | None:
    """The problem of a comment that looks much like `-- sort:` or `-- where:`."""
    match = _LABELLED.fullmatch(text)
    if match is None:
        return None
    label, value = match["label"], match["value"]
    for known, example in ((SORT, "newest / oldest"), ("where", "search")):
        if label != known and sorted(label.lower()) == sorted(known):
            message = f"there is no directive `{label}:`"
            return Problem(message, at, f"did you mean `-- {known}: {value}`?")
        if label == known:
            message = f"this `{known}:` can't be read"
            return Problem(message, at, f"write it like `-- {known}: {example}`")
    return None


def _condition(name: str, value: str | None, at: Span, names: Sequence[str]) -> _Asked | Problem:
    found = python_name(name)
    if found is None:
        message = f"`{name}` can't be the name of an argument"
        hint = "begin with a letter and go on with letters, digits and underscores"
        return Problem(message, at, hint)
    if value is not None and found in names:
        message = f"`{name}` is a parameter: only what is no parameter chooses lines by its value"
        return Problem(message, at, "give one of them another name")
    if value is not None and value != value.lower() and value.lower() in _FLAGS:
        hint = f"write `-- if :{name} = {value.lower()}`"
        return Problem("the values of a flag are true and false, in small letters", at, hint)
    if value is not None:
        return _Asked(found, value)
    if found in names:
        return _Asked(found)
    near = did_you_mean(name, names)
    message = f"the statement has no parameter `{name}`"
    hint = f"did you mean `-- if :{near}`?" if near else f"for a flag write `-- if :{name} = true`"
    return Problem(message, at, hint)


def _condition_at(
    tokens: Sequence[Token], comment: int, asked: _Asked, at: Span
) -> Condition | Problem:
    governed = _govern(tokens, comment, at, without_comma=asked.name == SORT)
    if isinstance(governed, Problem):
        return governed
    inside = [t for t in tokens if t.significant and governed.start <= t.start < governed.end]
    problem = _too_much(inside, tokens[0], at)
    if problem is not None:
        return problem
    return Condition(asked.name, asked.value, at, governed.start, governed.end, asked.reverse)


def _govern(
    tokens: Sequence[Token], comment: int, at: Span, *, without_comma: bool = False
) -> Span | Problem:
    """What the comment at `tokens[comment]` governs: its line, and all brackets opened there."""
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
    if without_comma and last > first and tokens[last].is_symbol(","):
        # Only the order itself: it is reversed, and its commas are told by what else is there.
        last = max(i for i in range(first, last) if tokens[i].significant)
    return Span(at.file, tokens[first].start, tokens[last].end)


def _too_much(inside: Sequence[Token], first: Token, at: Span) -> Problem | None:
    """The problem of a line that holds more than what may be left out.

    A branch of a UNION may be one line, with all its clauses.
    """
    hint = "break the line before what is optional"
    if inside[0] is first:
        return Problem("this condition would leave out the statement's beginning", at, hint)
    if inside[0].is_word("union", "intersect", "except"):
        return None
    for index, token in outermost(inside):
        words = inside[max(index - 1, 0)], token, inside[min(index + 1, len(inside) - 1)]
        if index and _begins_clause(*words) and not inside[0].is_word("on"):
            return Problem(
                f"the line of this condition goes on with {token.text.upper()}", at, hint
            )
    return None


def _begins_clause(before: Token, token: Token, after: Token) -> bool:
    if before.is_symbol(":", "."):
        return False  # `:limit`, `i.limit`
    if token.is_word("order", "group"):
        return after.is_word("by")
    # Not the FROM of IS DISTINCT FROM.
    return token.is_word(*_CLAUSES) and not (token.is_word("from") and before.is_word("distinct"))


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
    """Where the line's own text begins: WITH, WHERE, HAVING, ORDER BY and SET belong to the lines
    under them too, and are tidied away if nothing is left of those.
    """
    words = [index for index in range(first, comment) if tokens[index].significant]
    pairs = {"order": "by", "with": "recursive"}
    skipped = int(tokens[first].is_word("with", "where", "having", "set"))
    second = pairs.get(tokens[first].text.lower())
    if second is not None and len(words) > 1 and tokens[words[1]].is_word(second):
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


class Lines(Struct, frozen=True):
    """What the conditions come to, with offsets of the statement's `sql`."""

    optional: tuple[OptionalLine, ...]
    choices: tuple[Choice, ...]
    filters: tuple[Filter, ...]
    reverses: tuple[Reverse, ...]


def optional_lines(
    found: Found,
    pieces: Pieces,
    parameters: Mapping[str, ParameterUse],
    defaults: Mapping[str, str],
) -> tuple[Lines, list[Problem]]:
    """The conditions as places in the statement's `sql`, if each parameter is free to be absent.

    `defaults` are those of what is no parameter, as Python literals.
    """

    def place(offset: int) -> int:
        return text_offset(pieces, offset)

    lines: list[OptionalLine] = []
    reverses: list[Reverse] = []
    for c in found.conditions:
        lines.append(OptionalLine(c.name, place(c.start), place(c.end), c.at, c.value))
        if c.reverse is not None:
            reverses.append(Reverse(c.reverse, place(c.start), place(c.end), c.at))
    plain = [line for line in lines if line.value is None]
    problems: list[Problem] = []
    for name in dict.fromkeys(line.name for line in plain):
        regions = [line for line in plain if line.name == name]
        problems += _used_elsewhere(parameters[name], regions)
        if parameters[name].default is not None:
            problems.append(
                Problem(
                    f"`{name}` has a default, so it is always given",
                    regions[0].source,
                    "remove the default or the condition",
                )
            )
    problems += _not_always_used(parameters.values(), plain)
    choices, wrong = _choices(found.conditions, defaults)
    if SORT in parameters and any(choice.name == SORT for choice in choices):
        at = parameters[SORT].markers[0].source
        wrong.append(Problem("`sort` is what chooses the order here", at, "rename this parameter"))
    return Lines(
        tuple(sorted(lines, key=lambda line: (line.start, -line.end))),
        choices,
        tuple(Filter(f.group, f.name, place(f.at), f.source) for f in found.filters),
        tuple(reverses),
    ), problems + wrong


def _choices(
    conditions: Sequence[Condition], defaults: Mapping[str, str]
) -> tuple[tuple[Choice, ...], list[Problem]]:
    """The arguments that are no parameters, each with all the values that lines ask for."""
    problems: list[Problem] = []
    labels: dict[str, dict[str, Span]] = {}
    for c in conditions:
        for label in (c.value, c.reverse):
            if label is not None:
                labels.setdefault(c.name, {}).setdefault(label, c.at)
    found: list[Choice] = []
    for name, values in labels.items():
        at = next(iter(values.values()))
        flags = [label for label in values if label in _FLAGS]
        if flags and len(flags) < len(values):
            other = next(label for label in values if label not in flags)
            message = f"`{name}` is a flag in one line and `{other}` in another"
            problems.append(Problem(message, values[other], "keep true and false, or words"))
        default = next(iter(values)) if name == SORT else None
        if name in defaults:
            default = _default(defaults[name])
            if default not in values and not (flags and default in _FLAGS):
                message = f"{defaults[name]} is no value of `{name}`"
                hint = f"it has {', '.join(values)}"
                problems.append(Problem(message, at, hint))
        found.append(Choice(name, tuple(values), default, at))
    return tuple(found), problems


def _default(literal: str) -> str:
    """A Python literal as a label."""
    return literal.lower() if literal in ("True", "False") else literal[1:-1]


def _not_always_used(
    parameters: Iterable[ParameterUse], lines: Sequence[OptionalLine]
) -> Iterator[Problem]:
    """What would have to be given even where no line needs it."""
    optional = {line.name for line in lines}
    for parameter in parameters:
        if parameter.name in optional or parameter.default is not None:
            continue
        around = [
            next((o for o in lines if o.start <= m.start < o.end), None) for m in parameter.markers
        ]
        line = around[0] if around else None
        if line is not None and None not in around:
            yield Problem(
                f"`{parameter.name}` is always asked for, but used only where `{line.name}` is",
                parameter.markers[0].source,
                f"put it on a line of its own, or add `-- default: {parameter.name} None`",
            )


def _used_elsewhere(parameter: ParameterUse, regions: Sequence[OptionalLine]) -> Iterator[Problem]:
    for marker in parameter.markers:
        if not any(line.start <= marker.start and marker.end <= line.end for line in regions):
            yield Problem(
                f"`{parameter.name}` is optional elsewhere, but this line needs it",
                marker.source,
                f"end this line with `-- if :{parameter.name}` too",
            )
