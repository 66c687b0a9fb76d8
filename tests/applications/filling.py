"""Small random data for any schema, as text that PostgreSQL reads into a column's type."""

import random
from collections.abc import Iterable, Sequence

import psycopg
from msgspec import Struct

from salacia_db.codegen.facts import ColumnRef, PgType, Query

_WORDS = ("alpha", "beta", "like", "system")  # the latter are kinds that a check wants
_TRIES = 12
_FOREIGN_KEYS = """
select conrelid::regclass::text, a.attname, confrelid::regclass::text, f.attname
from pg_constraint c
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
join pg_attribute f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
where contype = 'f' and conparentid = 0
"""
_COLUMNS = """
select c.relname, a.attname, t.typname, t.oid::int, a.attnotnull,
  a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid), '') like 'nextval%' as counted
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.attgenerated = ''
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
  and not c.relispartition
order by c.oid, a.attnum
"""


class _Column(Struct):
    name: str
    type: str
    oid: int
    not_null: bool
    counted: bool
    target: tuple[str, str] | None = None


class Filler:
    """Fills the tables of one database, and finds arguments for its queries."""

    def __init__(self, connection: psycopg.Connection, seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)
        keys = {(r[0], r[1]): (r[2], r[3]) for r in connection.execute(_FOREIGN_KEYS)}
        self.tables: dict[str, list[_Column]] = {}
        for table, *column in connection.execute(_COLUMNS):
            target = keys.get((table, column[0]))
            self.tables.setdefault(table, []).append(_Column(*column, target))

    def fill(self, rows: int) -> None:
        """Add up to so many rows to each table, in the order in which they were made."""
        for table, columns in self.tables.items():
            for _ in range(rows):
                self._insert(table, columns)
            if not self.connection.execute(f"select from {table}").rowcount:
                raise AssertionError(f"no row fits {table}")
        views = "select relname from pg_class where relkind = 'm'"
        for (view,) in self.connection.execute(views).fetchall():
            self.connection.execute(f"refresh materialized view {view}")

    def arguments(self, query: Query) -> list[str | None]:
        """One argument per parameter: mostly a value that is there, now and then NULL."""
        return [
            None
            if parameter.nullable and self.random.random() < 0.3
            else self._there(parameter.origin) or self.value(parameter.type.name, parameter.type)
            for parameter in query.parameters
        ]

    def value(self, name: str, type_: PgType | None = None) -> str:
        """A value of the type, as text."""
        pick = self.random
        if name.startswith("_"):
            return "{" + ",".join(self.value(name[1:]) for _ in range(pick.randrange(3))) + "}"
        day = f"2024-0{pick.randint(1, 3)}-{pick.randint(10, 12)}"
        hours = sorted(pick.sample(range(10, 24), 2))
        whole = str(pick.randint(1, 5))
        fixed = {
            "bool": pick.choice(("true", "false")),
            "date": day,
            "timestamptz": f"{day} {hours[0]}:00Z",
            "timestamp": f"{day} {hours[0]}:00",
            "time": f"{hours[0]}:00",
            "interval": f"{whole} hours",
            "uuid": f"00000000-0000-0000-0000-0000000000{pick.randint(10, 60)}",
            "jsonb": pick.choice(("{}", '{"city": "Bern", "owner": null}')),
            "point": "(1,2)",
            "tstzrange": pick.choice(
                ("(,)", f"[{day} {hours[0]}:00Z,{day} {hours[1]}:00Z)", f"[{day} {hours[0]}:00Z,)")
            ),
            "bpchar": pick.choice("ABC") + whole,
        }
        if name in fixed:
            return fixed[name]
        if name.startswith(("int", "float", "numeric", "cents")):
            return whole
        if type_ is not None and type_.labels:
            return pick.choice(type_.labels)
        return pick.choice(_WORDS) + pick.choice(("", f" {pick.randrange(20)}"))

    def _there(self, origin: ColumnRef | None) -> str | None:
        if origin is None or self.random.random() < 0.1:
            return None
        return self._any(origin.table.name, origin.column)

    def _any(self, table: str, column: str) -> str | None:
        sql = f'select "{column}"::text from {table} where "{column}" is not null'
        found = self.connection.execute(sql).fetchall()
        return self.random.choice(found)[0] if found else None

    def _insert(self, table: str, columns: Sequence[_Column]) -> None:
        """Try until a row satisfies the table's constraints, not for ever."""
        for _ in range(_TRIES):
            given = [c for c in columns if not c.counted]
            names = ", ".join(f'"{column.name}"' for column in given)
            marks = ", ".join(f"${n}" for n in range(1, len(given) + 1))
            try:
                with self.connection.transaction():
                    cursor = psycopg.RawCursor(self.connection)
                    values = [self._for(column) for column in given]
                    cursor.execute(f"insert into {table} ({names}) values ({marks})", values)
            except (psycopg.IntegrityError, psycopg.DataError):
                continue
            return

    def _for(self, column: _Column) -> str | None:
        if not column.not_null and self.random.random() < 0.4:
            return None
        if column.target is not None:
            return self._any(*column.target)
        labels = "select enumlabel from pg_enum where enumtypid = %s"
        found = self.connection.execute(labels, (column.oid,)).fetchall()
        if found:
            return self.random.choice(found)[0]
        return self.value(column.type)


def nulls(connection: psycopg.Connection, query: Query, arguments: Iterable[object]) -> set[int]:
    """Run the query and undo it: the indexes of the columns in which a NULL came."""
    seen: set[int] = set()
    try:
        cursor = psycopg.RawCursor(connection)
        cursor.execute(query.sql, list(arguments))
        if cursor.description:
            for row in cursor:
                seen |= {index for index, value in enumerate(row) if value is None}
    except (psycopg.IntegrityError, psycopg.DataError):
        pass  # random arguments needn't satisfy the constraints
    finally:
        connection.rollback()
    return seen
