"""`-- empty: get`: which method runs where an UPDATE would set nothing."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.plan import Method
from salacia_db.codegen.problems import Problem


def with_instead(methods: Sequence[Method], report: Callable[[Problem], None]) -> list[Method]:
    """The methods of a group, those with an `-- empty:` knowing what runs instead."""
    by_name = {method.name: method for method in methods}
    found: list[Method] = []
    for method in methods:
        empty = method.query.statement.empty
        other = None if empty is None else by_name.get(names.field_name(empty.name))
        if empty is not None:
            problem = _wrong(method, other, by_name)
            if problem is not None:
                report(problem)
        found.append(replace(method, instead=other))
    return found


def _wrong(method: Method, other: Method | None, known: dict[str, Method]) -> Problem | None:
    empty = method.query.statement.empty
    assert empty is not None
    if other is None or other is method:
        message = f"there is no other statement `{empty.name}` in this file"
        return Problem(message, empty.source, f"it has {', '.join(sorted(known))}")
    given = {argument.name: argument for argument in method.arguments}
    for argument in other.arguments:
        own = given.get(argument.name)
        if own is None and argument.default is None and not argument.optional:
            message = f"`{empty.name}` needs `{argument.name}`, which `{method.name}` isn't given"
            return Problem(message, empty.source, "name a statement with the same parameters")
        if own is not None and (own.type.given, own.optional) != (argument.type.given, False):
            message = f"`{argument.name}` is not the same in `{empty.name}` and `{method.name}`"
            return Problem(message, empty.source, "name a statement with the same parameters")
    if _result(method) != _result(other):
        message = f"`{empty.name}` doesn't return what `{method.name}` does"
        hint = "make them of one kind, with the same columns or one `-- returns: Name`"
        return Problem(message, empty.source, hint)
    return None


def _result(method: Method) -> tuple[str, str | None]:
    return method.query.statement.kind, method.row.text if method.row else None
