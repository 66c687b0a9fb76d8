"""Random schemas: tables, views, triggers, rules, inheritance, and the data in them."""

from dataclasses import dataclass, field
from random import Random

LITERALS = {
    "int4": ["0", "1", "2", "3", "-1"],
    "text": ["''", "'a'", "'b'", "'7'", "'%'"],
    "bool": ["true", "false"],
    "numeric": ["0", "1.5", "2", "'NaN'", "'infinity'"],
    "timestamptz": ["'2024-01-01 10:00Z'", "'infinity'", "'2024-01-02Z'", "'-infinity'"],
    "date": ["'2024-01-01'", "'infinity'", "'2024-02-29'"],
    "interval": ["'1 day'", "'0'", "'-3 hours'"],
    "jsonb": ["'{}'", "'[]'", "'null'", "'{\"a\": 1}'", "'{\"a\": null}'", "'[1, null]'", "'3'"],
    "int4[]": ["'{}'", "'{1,2}'", "'{1,NULL}'", "'{0}'"],
    "text[]": ["'{}'", "'{a}'", "'{a,NULL}'"],
    "int4range": ["'[1,3)'", "'empty'", "'(,2]'"],
    "mood": ["'fine'", "'sad'"],
    "positive": ["1", "2"],
    "required": ["'r'", "''"],
}
TYPES = list(LITERALS)


@dataclass
class Column:
    """A column; `required` if it was declared NOT NULL, which a child of its table may undo."""

    name: str
    type: str
    required: bool = False


@dataclass
class Relation:
    """A table or view that statements may name. `keys` are unique keys by column names."""

    name: str
    columns: list[Column]
    kind: str = "table"  # table, view, function
    writable: bool = True
    keys: list[list[str]] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    """NOT NULL constraints that leave the rows before them unchecked, as ALTER TABLE adds them."""


@dataclass
class Schema:
    """A schema as SQL, what it holds, and statements that fill it in several ways."""

    sql: list[str]
    relations: list[Relation]
    data: list[list[str]]


def literal(type_: str, rng: Random, nulls: float = 0.25) -> str:
    """A constant of the type."""
    if rng.random() < nulls:
        return f"null::{type_}"
    return f"{rng.choice(LITERALS[type_])}::{type_}"


FUNCTIONS = """
create type mood as enum ('fine', 'sad');
create domain positive as int4 check (value > 0);
create domain required as text not null;
create function f_strict(int4) returns int4 language sql strict immutable as 'select nullif($1, 1)';
create function f_plain(int4) returns int4 language sql immutable as
  'select case when $1 is null then 5 end';
create function f_plpgsql(a text) returns text language plpgsql strict stable as
  $$begin return nullif(a, 'a'); end$$;
create function f_set(int4) returns setof int4 language sql as
  'select x from (values ($1), (null)) v(x)';
create function f_strict_set(int4) returns setof int4 language sql strict as
  'select x from (values ($1), (null)) v(x)';
create function f_table(int4) returns table (a int4, b text) language sql as
  'select $1, null::text union all select 2, ''b''';
create function f_out(out x int4, out y text) language sql as 'select null::int4, ''y''::text';
create aggregate a_last(int4) (sfunc = int4smaller, stype = int4);
create sequence numbers;
create table log (id int4);
create function f_write(int4) returns int4 language sql as
  'insert into log values ($1) returning id';
create function keep() returns trigger language plpgsql as 'begin return new; end';
create function drop_row() returns trigger language plpgsql as
  $$begin return case when random() < 0.5 then new end; end$$;
"""


def make(rng: Random, version: int) -> Schema:
    """A random schema for a server of this version."""
    statements = FUNCTIONS.strip().split(";\n")
    relations: list[Relation] = []
    for number in range(rng.randint(3, 5)):
        table, sql = _table(f"t{number}", rng, version)
        relations.append(table)
        statements += sql
    tables = list(relations)
    statements += _inheritance(tables, rng, version)
    statements += _triggers(tables, rng)
    for number in range(3):
        view, sql = _view(f"v{number}", relations, rng)
        relations.append(view)
        statements += sql
    data = [_fill(tables, rng, *how) for how in FILLINGS]
    return Schema(statements, relations, data)


def _table(name: str, rng: Random, version: int) -> tuple[Relation, list[str]]:
    columns = [Column("id", "int4"), Column("ref", "int4")]
    columns += [Column(f"c{i}", rng.choice(TYPES)) for i in range(rng.randint(2, 5))]
    lines, after, unchecked = [], [], []
    for column in columns[1:]:
        constraint = ""
        chance = rng.random()
        if chance < 0.4:
            constraint = " not null"
            column.required = True
        elif chance < 0.52 and version >= 180000:
            rule = rng.choice(["not valid", "no inherit"])
            added = f"constraint n_{column.name} not null {column.name} {rule}"
            after.append(f"alter table {name} add {added}")
            if rule == "not valid":
                unchecked.append(added)
        lines.append(f"{column.name} {column.type}{constraint}")
    keys: list[list[str]] = []
    key = rng.random()
    columns[0].required = key < 0.6 or key > 0.9
    if key < 0.6:
        lines.insert(0, "id int4 primary key")
        keys.append(["id"])
    elif key < 0.8:
        lines.insert(0, "id int4 unique")
        keys.append(["id"])
    else:
        lines.insert(0, "id int4" + " not null" * columns[0].required)
    if rng.random() < 0.3:
        other = rng.choice(columns[2:]).name
        lines.append(f"unique (ref, {other})")
        keys.append(["ref", other])
    if rng.random() < 0.2:
        lines.append("made int4 generated always as (ref + 1) stored")
        columns.append(Column("made", "int4"))
    if rng.random() < 0.2:
        after.append(f"create unique index on {name} (ref) where id > 1")
    relation = Relation(name, columns, keys=keys, unchecked=unchecked)
    return relation, [f"create table {name} ({', '.join(lines)})", *after]


def _inheritance(tables: list[Relation], rng: Random, version: int) -> list[str]:
    sql = []
    for parent in tables:
        if rng.random() < 0.5:
            continue
        child = f"child_of_{parent.name}"
        sql.append(f"create table {child} () inherits ({parent.name})")
        # Until 17 a child may drop what the parent promises.
        sql += [
            f"alter table {child} alter column {column.name} drop not null"
            for column in parent.columns
            if version < 180000 and column.name != "made" and rng.random() < 0.3
        ]
    if rng.random() < 0.5:
        columns = [
            Column("id", "int4", required=True),
            Column("ref", "int4", required=True),
            Column("c0", "text"),
        ]
        sql.append(
            "create table parted (id int4 primary key, ref int4 not null, c0 text)"
            " partition by range (id)"
        )
        sql.append("create table parted_1 partition of parted for values from (minvalue) to (2)")
        sql.append("create table parted_2 partition of parted default")
        tables.append(Relation("parted", columns, keys=[["id"]]))
    return sql


def _triggers(tables: list[Relation], rng: Random) -> list[str]:
    sql = []
    for table in tables:
        if rng.random() < 0.35:
            plain = [c for c in table.columns if c.name not in ("id", "made")]
            column = rng.choice(plain).name
            body = f"begin new.{column} := null; return new; end"
            sql.append(
                f"create function null_{table.name}() returns trigger"
                f" language plpgsql as $${body}$$"
            )
            event = rng.choice(["insert", "update", "insert or update"])
            sql.append(
                f"create trigger nulls before {event} on {table.name}"
                f" for each row execute function null_{table.name}()"
            )
        elif rng.random() < 0.3:
            event = rng.choice(["insert", "update"])
            sql.append(
                f"create trigger drops before {event} on {table.name}"
                " for each row execute function drop_row()"
            )
        if rng.random() < 0.08:
            event = rng.choice(["insert", "update", "delete"])
            sql.append(f"create rule quiet as on {event} to {table.name} do instead nothing")
    return sql


def _view(name: str, relations: list[Relation], rng: Random) -> tuple[Relation, list[str]]:
    a, b = rng.choice(relations), rng.choice(relations)
    shape = rng.randrange(3)
    if shape == 0:
        columns = [Column(c.name, c.type) for c in a.columns]
        sql = f"create view {name} as select {', '.join(c.name for c in columns)} from {a.name}"
        if rng.random() < 0.5:
            sql += f" where {a.columns[1].name} is not null"
        extra = []
        if rng.random() < 0.4:
            event = rng.choice(["insert", "update"])
            extra = [
                f"create trigger instead instead of {event} on {name}"
                " for each row execute function keep()"
            ]
        return Relation(name, columns, "view", writable=a.writable), [sql, *extra]
    columns = [Column(f"x{i}", c.type) for i, c in enumerate(a.columns)]
    others = [Column(f"y{i}", c.type) for i, c in enumerate(b.columns)]
    picked = [f"a.{c.name} as x{i}" for i, c in enumerate(a.columns)]
    picked += [f"b.{c.name} as y{i}" for i, c in enumerate(b.columns)]
    join = rng.choice(["left", "right", "full", "inner"])
    sql = (
        f"create view {name} as select {', '.join(picked)} from {a.name} a {join} join {b.name} b"
        f" on b.{b.columns[0].name} = a.{a.columns[1].name}"
    )
    return Relation(name, columns + others, "view", writable=False), [sql]


# Of each filling: rows per table, the share of NULLs, the share of tables that stay empty.
FILLINGS = (
    (0, 0.0, 0.0),
    (3, 0.3, 0.0),
    (5, 0.2, 0.0),
    (6, 0.6, 0.0),
    (5, 0.5, 0.3),
    (8, 0.4, 0.1),
)


def _fill(tables: list[Relation], rng: Random, rows: int, nulls: float, empty: float) -> list[str]:
    """Inserts that break no constraint by chance are kept; the rest is ignored by the runner."""
    # Without triggers and rules, some of which let no row in.
    sql = ["set session_replication_role = replica"]
    sql.append(f"truncate {', '.join(table.name for table in tables)} cascade")
    for table in tables:
        number = 0 if rng.random() < empty else rows
        names = [added.split()[1] for added in table.unchecked]
        sql += [f"alter table {table.name} drop constraint {name}" for name in names]
        sql += [_row(table.name, table, str(i), rng, nulls) for i in range(number)]
        sql += [
            _row(f"child_of_{table.name}", table, str(10 + i), rng, 0.5)
            for i in range(number and 2)
        ]
        sql += [f"alter table {table.name} add {added}" for added in table.unchecked]
    return [*sql, "reset session_replication_role"]


def _row(name: str, table: Relation, number: str, rng: Random, nulls: float) -> str:
    columns = [column for column in table.columns if column.name != "made"]
    values = []
    for column in columns:
        # A NULL that the table refuses costs the row: few are tried, so that there are rows.
        refused = column.type == "required" or (column.required and name == table.name)
        share = 0.02 if refused else nulls
        new = number if column.name == "id" and rng.random() >= share / 2 else None
        values.append(new or literal(column.type, rng, 1 if column.name == "id" else share))
    names = ", ".join(column.name for column in columns)
    return f"insert into {name} ({names}) values ({', '.join(values)})"
