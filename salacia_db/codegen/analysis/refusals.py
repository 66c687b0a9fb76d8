"""PostgreSQL's refusal of a statement as a problem: at its place, with what to do about it."""

import re
from collections.abc import Iterable

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.session import Rejected
from salacia_db.codegen.facts import ParameterUse, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.positions import span_at
from salacia_db.codegen.source.suggest import did_you_mean
from salacia_db.postgres.lacking import advice

_WORD = re.compile(r'"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*|[\w$.]+|\S')
_MEANT = re.compile(r'(?:column|alias) "([^"]+)"')
_PARAMETER = re.compile(r"parameter \$(\d+)")
_ENUM = re.compile(r'invalid input value for enum (.+?): "(.*)"$', re.DOTALL)
# Where PostgreSQL itself has none.
_HINTS = (
    (re.compile("column reference .* is ambiguous"), "write a table's name or alias before it"),
    (re.compile("must appear in the GROUP BY"), "group by it, or put it into an aggregate"),
)


def problem(statement: Statement, refused: Rejected, catalog: Catalog) -> Problem:
    """The refusal of `statement.sql` for a person."""
    use = _parameter(statement, refused)
    if refused.sqlstate == "42P18" and use is not None:
        return _untyped(statement, use)
    if refused.sqlstate == "42601" and (misplaced := _misplaced(statement, refused)):
        return misplaced
    message = refused.message
    if refused.detail:
        message += f" ({refused.detail.rstrip('.')})"
    known = advice(message) or _of_enum(refused, catalog)
    known = known or next((hint for pattern, hint in _HINTS if pattern.search(message)), None)
    guesses = [] if known else _guesses(statement, refused, catalog)
    hints = [f"did you mean {' or '.join(f'`{guess}`' for guess in guesses)}?"] if guesses else []
    if _is_sqlc_parameter(statement, refused):
        hints.append('write `:name`; `@name` is a parameter only with dialect = "sqlc"')
    elif (hint := known or refused.hint) and not guesses:
        hints.append(hint)
    at = place(statement, refused.position)
    if refused.sqlstate in _OF_NAMES:
        at = _whole_name(at)
    return Problem(message, at=at, hint="; ".join(hints) or None)


def two_types(statement: Statement, server: Server, catalog: Catalog) -> Problem | None:
    """The parameter that is used with two types, if the statement is refused for that only.

    PostgreSQL itself often blames an operator. So each use is given a number of its own: if that is
    accepted, the types of one parameter's uses must differ.
    """
    markers = sorted(
        ((marker, use) for use in statement.parameters for marker in use.markers),
        key=lambda pair: pair[0].start,
    )
    if len(markers) == len(statement.parameters):
        return None
    sql, end = "", 0
    for number, (marker, _) in enumerate(markers, 1):
        sql += f"{statement.sql[end : marker.start]}${number}"
        end = marker.end
    parsed = server.parse(sql + statement.sql[end:])
    if isinstance(parsed, Rejected):
        return None
    first: dict[int, int] = {}
    for (marker, use), oid in zip(markers, parsed.parameters, strict=True):
        known = first.setdefault(use.number, oid)
        if known != oid:
            one, other = (catalog.types[t].display for t in (known, oid))
            written = _written(marker.source, use)
            return Problem(
                f"parameter {_shown(use)} is used with two types: {one} and {other}",
                at=marker.source,
                hint=f"cast it: {written}::{other}",
            )
    return None


def place(statement: Statement, position: int | None) -> Span:
    """The token at a character of `statement.sql`; the whole statement where that isn't known."""
    if position is None:
        return statement.body
    # "At end of input" is the last token: there the caret shows what lacks its continuation.
    return span_at(statement, min(position, len(statement.sql.rstrip()) - 1) + 1)


def _is_sqlc_parameter(statement: Statement, refused: Rejected) -> bool:
    position = refused.position
    written = "" if position is None else statement.sql[position : position + 2]
    wrong = refused.sqlstate == "42883" and statement.dialect == "salacia"
    return wrong and written[:1] == "@" and written[1:].isidentifier()


def _whole_name(at: Span) -> Span:
    """The place of `a.b.c` for that of `a`."""
    word = _WORD.match(at.file.text, at.start)
    return at if word is None else Span(at.file, at.start, max(at.end, word.end()))


def _parameter(statement: Statement, refused: Rejected) -> ParameterUse | None:
    found = _PARAMETER.search(refused.message)
    number = int(found[1]) if found else 0
    return next((use for use in statement.parameters if use.number == number), None)


def _untyped(statement: Statement, use: ParameterUse) -> Problem:
    at = use.markers[0].source if use.markers else statement.body
    written = _written(at, use)
    return Problem(
        f"PostgreSQL can't tell the type of parameter {_shown(use)}",
        at=at,
        hint=f"cast it: {written}::text",
    )


def _misplaced(statement: Statement, refused: Rejected) -> Problem | None:
    """A syntax error at a parameter, which PostgreSQL knows by its number only."""
    for use in statement.parameters:
        for marker in use.markers:
            if marker.start == refused.position:
                written = _written(marker.source, use)
                before = statement.sql[: marker.start].split()
                listed = bool(before) and before[-1].lower() == "in"
                return Problem(
                    f'syntax error at or near "{written}"',
                    at=marker.source,
                    hint=f"a list is written `= any({written})`"
                    if listed
                    else "look at the word before it; "
                    "a parameter is a value, and stands for no name or piece of SQL",
                )
    return None


def _shown(use: ParameterUse) -> str:
    return f"`{use.name or f'${use.number}'}`"


def _written(at: Span, use: ParameterUse) -> str:
    return at.file.text[at.start : at.end] or f"${use.number}"


def _guesses(statement: Statement, refused: Rejected, catalog: Catalog) -> list[str]:
    """What the person may have meant; empty where nothing comes near."""
    if refused.hint and (meant := _MEANT.findall(refused.hint)):
        # One candidate is told by its name; several differ in their tables.
        return meant if len(meant) > 1 or "." not in meant[0] else [meant[0].rpartition(".")[2]]
    position = refused.position or 0
    word = _WORD.match(statement.sql, position)
    written = word[0] if word else ""
    candidates = _candidates(statement, refused, catalog)
    name = written.rpartition(".")[2].strip('"')
    if not name or name in candidates:
        return []
    guess = did_you_mean(name, candidates)
    return [] if guess is None else [guess]


def _of_enum(refused: Rejected, catalog: Catalog) -> str | None:
    """What an enum's value may be, where a text is none of them."""
    found = _ENUM.match(refused.message)
    if found is None:
        return None
    enum = next(
        (t for t in catalog.types.values() if t.kind == "enum" and t.display == found[1]), None
    )
    if enum is None:
        return None
    guess = did_you_mean(found[2], enum.labels)
    return (
        f"did you mean {guess!r}?" if guess else f"it is one of {', '.join(map(repr, enum.labels))}"
    )


def _candidates(statement: Statement, refused: Rejected, catalog: Catalog) -> set[str]:
    match refused.sqlstate:
        case "42703":  # undefined column
            words = set(re.findall(r"\w+", statement.sql))
            tables = (r.table for r in catalog.relations.values())
            return {
                c.name
                for t in tables
                if t.ref.name in words and t.ref.schema not in _SYSTEM
                for c in t.columns
            }
        case "42P01":  # undefined table
            return _visible(
                (r.table.ref.schema, r.table.ref.name) for r in catalog.relations.values()
            )
        case "42883":  # undefined function (or operator)
            return {f.name for f in catalog.functions.values() if not f.name.startswith("_")}
        case "42704":  # undefined object: a type
            return {t.display for t in catalog.types.values() if t.kind not in ("array", "pseudo")}
        case "42601" if refused.message.startswith("syntax error"):  # a word out of place
            return set(_CLAUSES)
        case _:
            return set()


_OF_NAMES = ("42703", "42P01", "42883", "3F000")  # a column, table, function or schema is missing
_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
_CLAUSES = (
    "select from where insert into values update set delete returning with order group by having"
    " limit offset join left right inner full cross lateral union intersect except distinct on"
    " conflict do nothing using merge when matched then and or not null exists between"
    " case else end as in is like asc desc"
).split()


def _visible(names: Iterable[tuple[str, str]]) -> set[str]:
    return {name for schema, name in names if schema not in _SYSTEM}
