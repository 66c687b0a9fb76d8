"""What the usual statements need to know of a table: its key, who gives which column its value."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from salacia_db.codegen.emit.names import parameter_name
from salacia_db.codegen.facts import Table, TableColumn, TableRef

_VERSIONS = ("version", "lock_version", "row_version")
_INTEGERS = ("int2", "int4", "int8")


class Field(Struct, frozen=True):
    """A column: its name as SQL takes it, its parameter, and what may be left out of an INSERT.

    `fresh`: its value is a new id, which the client makes.
    """

    sql: str
    parameter: str
    optional: bool
    has_default: bool
    fresh: bool = False


class Subject(Struct, frozen=True):
    """A relation as the statements see it.

    `keys` are the sets of columns that may tell a row from all others, the best first; they are
    proven only of a table. `conflict` is the key of an upsert, which the caller gives: one that
    means something, rather than an id that is made. `inserted` are the columns that a caller may
    give to a new row, `changed` those of one that is there; `blank` is one that an INSERT may
    always name with `default`. `parents` are foreign keys.
    """

    name: str
    own: str
    stored: bool
    keys: tuple[tuple[Field, ...], ...]
    conflict: tuple[Field, ...]
    inserted: tuple[Field, ...]
    changed: tuple[Field, ...]
    parents: tuple[Field, ...]
    version: Field | None
    blank: str | None


def subject(
    table: Table, tables: Sequence[Table], identities: frozenset[int], quote: Callable[[str], str]
) -> Subject:
    """The relation as the statements see it.

    `tables` are all of the schema; `identities` the numbers of its identity columns, which the
    database fills.
    """
    parameters = dict(zip(table.columns, _parameters(table), strict=True))
    stored = table.kind in ("r", "p")
    keys = _keys(table) if table.kind in ("r", "p", "m") else tuple(_keys_below(table, tables))
    serial = _serial(table, identities)
    parents = {key.columns[0] for key in table.foreign_keys if len(key.columns) == 1}
    primary = keys[0] if keys else ()

    def field(column: TableColumn) -> Field:
        fresh = (
            (column.name,) == table.primary_key
            and column.type.name == "uuid"
            and not column.has_default
            and column.name not in parents
        )
        left_out = column.has_default or not column.not_null
        return Field(quote(column.name), parameters[column], left_out, column.has_default, fresh)

    def fields(names: Sequence[str]) -> tuple[Field, ...]:
        return tuple(
            field(column) for name in names for column in table.columns if column.name == name
        )

    version = _version(table, primary)
    filled = {c.name for c in table.columns if c.generated or c.number in serial}
    unnamed = filled | {c.name for c in table.columns if c == version and c.has_default}
    names = [column.name for column in table.columns]
    changed = [
        name
        for name in names
        if not (name in filled or name in primary or (version and name == version.name))
    ]
    given = [key for key in keys if not unnamed & set(key)]
    made = {c.name for c in table.columns if c.has_default or field(c).fresh}
    conflict = next((key for key in given if not made & set(key)), given[0] if given else ())
    schema = "" if table.ref.schema == "public" else f"{quote(table.ref.schema)}."
    return Subject(
        name=schema + quote(table.ref.name),
        own=quote(table.ref.name),
        stored=stored,
        keys=tuple(map(fields, keys)),
        conflict=fields(conflict) if stored else (),
        inserted=fields([name for name in names if name not in unnamed]) if stored else (),
        changed=fields(changed) if stored else (),
        parents=fields([name for name in names if name in parents and (name,) != primary]),
        version=None if version is None or not stored else field(version),
        blank=next((quote(name) for name in names if name in unnamed), None),
    )


def _version(table: Table, key: Sequence[str]) -> TableColumn | None:
    """The column that counts a row's changes, if there is one."""
    for column in table.columns:
        named = column.name in _VERSIONS and column.name not in key
        if named and column.type.name in _INTEGERS and column.not_null and not column.generated:
            return column
    return None


def _parameters(table: Table) -> list[str]:
    """A name for each column, no two alike."""
    found: list[str] = []
    for column in table.columns:
        name = base = parameter_name(column.name)
        number = 2
        while name in found:
            name, number = f"{base}_{number}", number + 1
        found.append(name)
    return found


def _keys(table: Table) -> tuple[tuple[str, ...], ...]:
    """The unique keys that can't be NULL, the primary key first."""
    never = {column.name for column in table.columns if column.not_null}
    keys = [key for key in (table.primary_key, *table.unique_keys) if key and never.issuperset(key)]
    return tuple(dict.fromkeys(keys))


def _keys_below(table: Table, tables: Sequence[Table]) -> Iterator[tuple[str, ...]]:
    """Of a view: the keys of the tables that it shows whole. Whether it doubles them is unknown."""
    shown: dict[tuple[TableRef, str], str] = {}
    for column in table.columns:
        if column.origin is not None:
            shown.setdefault((column.origin.table, column.origin.column), column.name)
    for other in tables:
        for key in _keys(other):
            names = [shown.get((other.ref, name)) for name in key]
            found = tuple(name for name in names if name is not None)
            if len(found) == len(key):
                yield found


def _serial(table: Table, identities: frozenset[int]) -> set[int]:
    """The columns whose numbers the database counts up."""
    counted = {
        column.number
        for column in table.columns
        if (column.name,) == table.primary_key
        and column.has_default
        and column.type.name in _INTEGERS
    }
    return counted | identities
