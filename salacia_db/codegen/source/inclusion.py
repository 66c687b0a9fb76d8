"""`-- where: search`: the optional lines of another statement's WHERE, taken over."""

from collections.abc import Sequence

from msgspec.structs import replace

from salacia_db.codegen.facts import Filter, Marker, OptionalLine, ParameterUse, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.names import identity
from salacia_db.codegen.source.splicing import Splice, splice
from salacia_db.codegen.source.suggest import did_you_mean

_CLAUSES = ("select", "where", "on", "having", "order", "by", "set", "values")
_Key = tuple[str | None, str, str]


def included(statements: Sequence[Statement]) -> tuple[list[Statement], list[Problem]]:
    """The statements with the lines that they take over; those that can't are left out."""
    known = {_key(s.schema, s.group, s.name): s for s in statements}
    problems: list[Problem] = []
    done: dict[_Key, Statement | None] = {}

    def complete(key: _Key, pending: tuple[_Key, ...]) -> Statement | None:
        if key not in done:
            found = known[key]
            for filter_ in found.filters:
                other = _other(found, filter_)
                problem = _wrong(filter_, other, known, (*pending, key))
                source = None if problem else complete(other, (*pending, key))
                if problem is not None:
                    problems.append(problem)
                if source is None:
                    done[key] = None
                    return None
                taken = _take(found, filter_, source)
                if isinstance(taken, Problem):
                    problems.append(taken)
                    done[key] = None
                    return None
                found = taken
            done[key] = replace(found, filters=(), parameters=_by_first_use(found.parameters))
        return done[key]

    read = [complete(_key(s.schema, s.group, s.name), ()) for s in statements]
    return [statement for statement in read if statement is not None], problems


def _by_first_use(parameters: Sequence[ParameterUse]) -> tuple[ParameterUse, ...]:
    return tuple(sorted(parameters, key=lambda parameter: parameter.markers[0].start))


def _key(schema: str | None, group: str, name: str) -> _Key:
    return schema, identity(group), identity(name)


def _other(statement: Statement, filter_: Filter) -> _Key:
    return _key(statement.schema, filter_.group or statement.group, filter_.name)


def _wrong(
    filter_: Filter, other: _Key, known: dict[_Key, Statement], pending: tuple[_Key, ...]
) -> Problem | None:
    if other in pending:
        return Problem("these statements take their lines from each other", filter_.source)
    if other in known:
        return None
    names = [name for schema, group, name in known if (schema, group) == other[:2]]
    near = did_you_mean(filter_.name, names)
    message = f"there is no statement `{_written(filter_)}`, or it has problems of its own"
    return Problem(message, filter_.source, f"did you mean `{near}`?" if near else None)


def _written(filter_: Filter) -> str:
    return f"{filter_.group}.{filter_.name}" if filter_.group else filter_.name


def _take(statement: Statement, filter_: Filter, source: Statement) -> Statement | Problem:
    lines = _conditions(source)
    if isinstance(lines, str):
        return Problem(f"`{filter_.name}` {lines}", filter_.source)
    # Places move with each statement whose lines are put in.
    at = next(f.at for f in statement.filters if f.source == filter_.source)
    before = [t for t in lex(statement.sql) if t.significant and t.start < at]
    if _clause(before, len(before), ("where", "on", "having")) is None:
        return Problem(
            "the lines are taken over to where no condition is",
            filter_.source,
            f"write `where true -- where: {_written(filter_)}`",
        )
    parameters = {p.name: p for p in statement.parameters}
    splices: list[Splice] = []
    for line in lines:
        inside = [o for o in source.optional if line.start <= o.start and o.end <= line.end]
        used = [
            (p, m) for p in source.parameters for m in p.markers if line.start <= m.start < line.end
        ]
        for parameter, _ in used:
            parameters.setdefault(
                parameter.name, replace(parameter, number=len(parameters) + 1, markers=())
            )
        splices.append(_splice(source, line, inside, used, parameters, at, filter_))
    choices = {choice.name: choice for choice in (*source.choices, *statement.choices)}
    asked = {o.name for one in splices for o in one.lines} | {c.name for c in statement.choices}
    return splice(
        replace(
            statement,
            parameters=tuple(parameters.values()),
            choices=tuple(choice for name, choice in choices.items() if name in asked),
        ),
        splices,
    )


def _splice(
    source: Statement,
    line: OptionalLine,
    inside: Sequence[OptionalLine],
    used: Sequence[tuple[ParameterUse, Marker]],
    parameters: dict[str | None, ParameterUse],
    at: int,
    filter_: Filter,
) -> Splice:
    """A line as it stands there, with the numbers that its parameters have here."""
    text = "\n  " if source.sql[line.start : line.start + 3].lower() == "and" else "\n  and "
    markers: list[tuple[int, Marker]] = []
    places = {line.start: len(text)}
    end = line.start
    for parameter, marker in sorted(used, key=lambda one: one[1].start):
        text += source.sql[end : marker.start]
        number = parameters[parameter.name].number
        markers.append((number, Marker(len(text), len(text) + len(f"${number}"), filter_.source)))
        places[marker.start] = len(text)
        text += f"${number}"
        end = marker.end
        places[end] = len(text)
    text += source.sql[end : line.end]

    def moved(offset: int) -> int:
        before = max(place for place in places if place <= offset)
        return places[before] + offset - before

    lines = tuple(
        replace(
            o,
            start=len("\n  ") if o is line else moved(o.start),
            end=moved(o.end),
            source=filter_.source,
        )
        for o in inside
    )
    return Splice(at, at, text, filter_.source.start, tuple(markers), lines)


def _conditions(source: Statement) -> list[OptionalLine] | str:
    """The outermost optional lines of its WHERE; or why they can't be told."""
    tokens = [token for token in lex(source.sql) if token.significant]
    found: list[OptionalLine] = []
    clauses: set[int] = set()
    end = 0
    for line in source.optional:
        if line.start < end:
            continue
        end = line.end
        index = next(i for i, token in enumerate(tokens) if token.start >= line.start)
        clause = _clause(tokens, index, ("where",))
        if clause is None:
            continue
        if not tokens[index].is_word("and") and clause != index - 1:
            return "has an optional line in its WHERE that doesn't begin with AND"
        found.append(line)
        clauses.add(clause)
    if len(clauses) > 1:
        return "has optional lines in several WHERE clauses"
    return found or "has no optional line in a WHERE clause"


def _clause(tokens: Sequence[Token], index: int, words: tuple[str, ...]) -> int | None:
    """The clause of that name the token at an index stands in, without a bracket between them."""
    depth = 0
    for at in range(index - 1, -1, -1):
        token = tokens[at]
        if token.is_symbol(")", "]"):
            depth += 1
        elif token.is_symbol("(", "["):
            if depth == 0:
                return None
            depth -= 1
        elif depth == 0 and token.is_word(*words):
            return at
        elif depth == 0 and token.is_word(*_CLAUSES):
            return None
    return None
