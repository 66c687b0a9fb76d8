"""What is said of a type that Python has none for."""

from collections.abc import Collection

from salacia_db.codegen.facts import PgType, Span, TableRef
from salacia_db.codegen.problems import Problem


def no_type(
    type_: PgType, what: str, at: Span | None, tables: Collection[TableRef] = ()
) -> Problem:
    """The problem of a type that Python has none for; `tables` are those that have structs."""
    hint = f'map it under [tool.salacia.types]: "{type_.schema}.{type_.name}" = "str", say; '
    hint += "or cast it to text"
    inner = type_.element if type_.kind == "array" and type_.element else type_
    if inner.name in ("record", "_record"):
        hint = "only whole rows of a table or view become structs: name the columns (`s.*`), "
        hint += "or give it as JSON with a type, `to_jsonb(s) as s` or `jsonb_agg(s) as s` "
        hint += "under `-- as s: acme.Line`"
    elif inner.kind == "composite" and TableRef(inner.schema, inner.name) in tables:
        hint = "only rows that come straight from the table are known to be whole: "
        hint += "`array_agg(t)` with `from … t`; or name the columns"
    elif inner.kind == "composite":
        hint = "the driver reads no composite that holds a type which it carries as text"
        hint += " (tsvector, money, macaddr, regclass …): name its attributes, or cast it to text"
    elif type_.kind == "array":
        hint = "the driver crashes on an empty element: cast it, `…::text[]`"
    return Problem(f"no Python type for {type_.display}, the type of {what}", at, hint)
