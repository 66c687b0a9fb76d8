"""A statement's parameters: their types, their names, and whether None may be given for them."""

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.origins import Place, parameter_uses
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.facts import (
    ColumnRef,
    Parameter,
    ParameterUse,
    PgType,
    Statement,
)
from salacia_db.codegen.problems import Problem

_UNKNOWN = 705


def parameters(
    statement: Statement, types: tuple[int, ...], query: Node | None, catalog: Catalog
) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """The parameters in the order of their numbers; `types` are PostgreSQL's oids for them.

    A parameter takes None if the file says so, if one of its uses gives NULL a meaning (`:x is
    null`, `coalesce(:x, …)`, `is distinct from :x`), or if every use stores it in a nullable
    column, a field of a composite value or an element of an array.
    """
    places: dict[int, list[Place]] = {}
    for found_use in parameter_uses(query, catalog) if query is not None else []:
        places.setdefault(found_use.number, []).append(found_use.place)
    named = {use.number: use for use in statement.parameters}
    taken = {use.name for use in statement.parameters}
    found: list[Parameter] = []
    problems: list[Problem] = []
    for number, oid in enumerate(types, 1):
        use = named.get(number)
        kind = catalog.types.get(oid)
        if kind is None or oid == _UNKNOWN:
            problems.append(_untyped(statement, number, use))
            continue
        known = places.get(number, [])
        name = use.name if use is not None and use.name is not None else _name(number, known, taken)
        taken.add(name)
        forced = None if use is None else use.nullable
        found.append(
            Parameter(
                name=name,
                number=number,
                type=kind,
                nullable=_nullable(kind, known) if forced is None else forced,
                default=None if use is None else use.default,
                origin=_origin(known),
            )
        )
    return tuple(found), problems


def _name(number: int, places: list[Place], taken: set[str | None]) -> str:
    columns = [place.column.name for place in places if place.column is not None]
    clauses = [place.clause for place in places if place.clause is not None]
    base = next(iter([*columns, *clauses]), f"arg{number}")
    name, count = base, 2
    while name in taken:
        name, count = f"{base}_{count}", count + 1
    return name


def _nullable(kind: PgType, places: list[Place]) -> bool:
    if _never_null(kind):
        return False
    if any(place.asks for place in places):
        return True
    return bool(places) and all(_takes_null(place) for place in places)


def _takes_null(place: Place) -> bool:
    if place.part:
        return True
    column = place.column
    return place.stored and column is not None and not (column.not_null or _never_null(column.type))


def _never_null(kind: PgType) -> bool:
    domain: PgType | None = kind
    while domain is not None and domain.kind == "domain":
        if domain.not_null:
            return True
        domain = domain.element
    return False


def _origin(places: list[Place]) -> ColumnRef | None:
    """The column that all uses with a column agree on; what is stored decides over comparisons."""
    stored = [place for place in places if place.stored] or places
    columns = {
        ColumnRef(place.table.ref, place.column.name)
        for place in stored
        if place.table is not None and place.column is not None
    }
    return columns.pop() if len(columns) == 1 else None


def _untyped(statement: Statement, number: int, use: ParameterUse | None) -> Problem:
    at = use.markers[0].source if use is not None and use.markers else statement.body
    written = at.file.text[at.start : at.end] if use is not None else f"${number}"
    return Problem(
        f"PostgreSQL can't tell the type of parameter `{written}`",
        at=at,
        hint=f"cast it: {written}::text",
    )
