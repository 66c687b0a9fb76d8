"""sqlc's `overrides` and `rename`: other types and other names than the generator would choose."""

import re
from collections.abc import Iterable

from salacia_db.codegen.problems import Problem
from salacia_db.codegen.sqlc.document import Table

# As SQL calls them, and as PostgreSQL's catalog does.
_CATALOG = {
    "bigint": "int8",
    "bigserial": "int8",
    "boolean": "bool",
    "character": "bpchar",
    "character varying": "varchar",
    "decimal": "numeric",
    "double precision": "float8",
    "int": "int4",
    "integer": "int4",
    "real": "float4",
    "serial": "int4",
    "serial4": "int4",
    "serial8": "int8",
    "smallint": "int2",
    "smallserial": "int2",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}
_OTHER_LANGUAGES = ("go_type", "kotlin_type", "ts_type")


def read_types(overrides: Iterable[Table]) -> dict[str, str]:
    """The settings of types that a list of overrides comes to; those for Go are warned of."""
    types: dict[str, str] = {}
    for override in overrides:
        key, type_ = _key(override), _type(override)
        if key is None or type_ is None:
            continue
        if override.flag("nullable") and "db_type" in override:
            _warn_of_nullable(override, key, types)
        # A column names itself; of two for one type, the one for what is never NULL came first.
        types.setdefault(key, type_) if override.flag("nullable") else types.update({key: type_})
    return types


def _key(override: Table) -> str | None:
    """What an override is for, as our own settings write it."""
    column, type_ = override.text("column"), override.text("db_type")
    if (column is None) == (type_ is None):
        message = "an override names either a `db_type` or a `column`"
        override.problems.append(Problem(message, override.at))
        return None
    if type_ is not None:
        schema, _, name = type_.rpartition(".")
        name = _CATALOG.get(name.lower(), name)
        return name if schema in ("", "pg_catalog") else f"{schema}.{name}"
    assert column is not None
    parts = column.split(".")
    if not 2 <= len(parts) <= 4 or not all(parts):
        hint = "write table.column or schema.table.column"
        override.problems.append(Problem("this names no column", override.place("column"), hint))
        return None
    return ".".join(["public", *parts][-3:])


def _type(override: Table) -> str | None:
    """The Python type; None where there is none, which is warned of."""
    if "py_type" not in override:
        _warn_of_foreign(override)
        return None
    if not override.is_table("py_type"):
        type_ = override.text("py_type")
        return None if type_ is None else _qualified(override.text("py_import_path"), type_)
    longer = override.table("py_type")
    type_ = longer.text("type")
    if type_ is None:
        override.problems.append(Problem("a `py_type` without a `type`", longer.at))
        return None
    return _qualified(longer.text("import"), type_)


def _warn_of_foreign(override: Table) -> None:
    foreign = next((name for name in _OTHER_LANGUAGES if name in override), None)
    if foreign is None and "go_struct_tag" not in override:
        override.problems.append(Problem("an override without a `py_type`", override.at))
    elif foreign is not None:
        override.problems.append(
            Problem(
                f"an override by `{foreign}` says nothing to Python",
                override.place(foreign),
                "give it a `py_type` too, or map it under [tool.salacia.types] in pyproject.toml",
                "warning",
            )
        )


def _qualified(module: str | None, type_: str) -> str:
    """`my_lib.models` and `Payload` or `models.Payload` as `my_lib.models.Payload`."""
    if not module or type_.startswith(f"{module}."):
        return type_
    last = module.rpartition(".")[2]
    return f"{module}.{type_.removeprefix(f'{last}.')}"


def _warn_of_nullable(override: Table, key: str, types: dict[str, str]) -> None:
    if key not in types:
        override.problems.append(
            Problem(
                f"the override for `{key}` is for nullable columns, and taken for all",
                override.place("nullable"),
                "None is added to a type where a column may be NULL: leave out `nullable`",
                "warning",
            )
        )


def read_renames(tables: Iterable[Table]) -> dict[str, str]:
    """sqlc's renames: a column, or a table in the singular, to the name it gets in Go."""
    renames: dict[str, str] = {}
    for table in tables:
        for name in table.names():
            new = table.text(name)
            if new is None:
                continue
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", new):
                message = f"`{new}` can't be a name in Python"
                hint = "write letters, digits and underscores, beginning with a letter"
                table.problems.append(Problem(message, table.place(name), hint))
                continue
            renames[name] = new
    return renames
