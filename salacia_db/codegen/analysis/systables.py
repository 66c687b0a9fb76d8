"""Rows of PostgreSQL's system tables as the catalog needs them, and how they are read."""

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Event
from salacia_db.codegen.analysis.session import Session

Row = TypeVar("Row", bound=Struct)


def read(session: Session, sql: str, row: type[Row]) -> list[Row]:
    """The query's rows as structs, by position. Raises ServerError."""
    # One JSON value decoded into structs is the fastest way, and keeps every character of a name.
    names = ", ".join(f"c{i}" for i in range(len(row.__struct_fields__)))
    wrapped = (
        f"select coalesce(json_agg(json_build_array({names})), '[]')"  # noqa: S608 (all ours)
        f" from ({sql}) as q ({names})"
    )
    return msgspec.json.decode(session.json(wrapped), type=list[row])  # type: ignore[valid-type]


class TypeRow(Struct, frozen=True, array_like=True):
    """A type; `element` as in facts.PgType, 0 where there is none; `checks` of a domain."""

    oid: int
    schema: str
    name: str
    display: str
    kind: str
    array: bool
    element: int
    relation: int
    not_null: bool
    comment: str | None
    extension: bool
    labels: tuple[str, ...]
    checks: str


TYPES = """
select t.oid::int8, n.nspname, t.typname, format_type(t.oid, null), t.typtype,
  t.typsubscript::oid = 'pg_catalog.array_subscript_handler'::regproc,
  coalesce(nullif(t.typbasetype, 0), r.rngsubtype, m.rngtypid, t.typelem)::int8,
  t.typrelid::int8, t.typnotnull, case when t.oid >= 16384 then d.description end,
  e.objid is not null,
  coalesce((
    select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid
  ), '[]'),
  coalesce((
    select string_agg(k.conbin::text, ' ') from pg_constraint k where k.contypid = t.oid
  ), '')
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_range r on r.rngtypid = t.oid
left join pg_range m on m.rngmultitypid = t.oid
left join pg_description d
  on d.classoid = 'pg_type'::regclass and d.objoid = t.oid and d.objsubid = 0
left join pg_depend e
  on e.classid = 'pg_type'::regclass and e.objid = t.oid and e.objsubid = 0 and e.deptype = 'e'
"""


class ColumnRow(Struct, frozen=True, array_like=True):
    """A column of a relation or a composite type."""

    relation: int
    number: int
    name: str
    type: int
    not_null: bool
    collation: int
    has_default: bool
    generated: bool
    comment: str | None


# PostgreSQL 18 sets attnotnull for constraints that are NOT VALID or that children don't inherit.
COLUMNS = """
select a.attrelid::int8, a.attnum, a.attname, a.atttypid::int8,
  a.attnotnull and c.relkind <> 'f' and not exists (
    select from pg_constraint k
    where k.conrelid = a.attrelid and k.contype = 'n' and not k.convalidated
      and k.conkey = array[a.attnum]
  ),
  a.attcollation::int8,
  a.atthasdef and a.attgenerated = '' or a.attidentity <> '', a.attgenerated <> '', d.description
from pg_attribute a
join pg_class c on c.oid = a.attrelid
left join pg_description d
  on d.classoid = 'pg_class'::regclass and d.objoid = a.attrelid and d.objsubid = a.attnum
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
order by a.attrelid, a.attnum
"""


class RelationRow(Struct, frozen=True, array_like=True):
    """A table, view, materialized view or foreign table.

    `policies` and `checks` (of constraints, indexes and generated columns) are printed node trees;
    `cascades` are relations with a foreign key to this one that passes on changes; `exclusive` are
    columns of unique and exclusive indexes, 0 where it is an expression or has a predicate.
    """

    oid: int
    schema: str
    name: str
    kind: str
    row_type: int
    partition: bool
    row_security: bool
    rules: tuple[Event, ...]
    extension: bool
    comment: str | None
    policies: str
    checks: str
    cascades: tuple[int, ...]
    exclusive: tuple[int, ...]
    deferrable: bool


RELATIONS = """
select c.oid::int8, n.nspname, c.relname, c.relkind, c.reltype::int8, c.relispartition,
  c.relrowsecurity,
  coalesce((
    select json_agg(distinct case w.ev_type
      when '2' then 'update' when '3' then 'insert' else 'delete' end)
    from pg_rewrite w
    where w.ev_class = c.oid and w.ev_type <> '1' and w.ev_enabled not in ('D', 'R')
  ), '[]'),
  e.objid is not null, d.description,
  coalesce((
    select string_agg(concat(p.polqual::text, ' ', p.polwithcheck::text), ' ')
    from pg_policy p where p.polrelid = c.oid
  ), ''),
  concat(
    (select string_agg(k.conbin::text, ' ') from pg_constraint k where k.conrelid = c.oid), ' ',
    (select string_agg(concat(i.indexprs::text, ' ', i.indpred::text), ' ')
     from pg_index i where i.indrelid = c.oid), ' ',
    (select string_agg(f.adbin::text, ' ')
     from pg_attrdef f join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
     where f.adrelid = c.oid and a.attgenerated <> '')
  ),
  coalesce((
    select json_agg(distinct k.conrelid::int8) from pg_constraint k
    where k.confrelid = c.oid and k.contype = 'f'
      and (k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))
  ), '[]'),
  coalesce((
    select json_agg(distinct case when i.indpred is null then k.number else 0 end)
    from pg_index i cross join unnest(i.indkey::int2[]) as k (number)
    where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
  ), '[]'),
  exists (select from pg_index i where i.indrelid = c.oid and not i.indimmediate)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_description d
  on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
left join pg_depend e
  on e.classid = 'pg_class'::regclass and e.objid = c.oid and e.objsubid = 0 and e.deptype = 'e'
where c.relkind in ('r', 'p', 'v', 'm', 'f')
"""


class IndexRow(Struct, frozen=True, array_like=True):
    """A unique index that can serve as a key; `predicate` is a partial one's printed tree."""

    relation: int
    primary: bool
    columns: tuple[int, ...]
    collations: tuple[int, ...]
    predicate: str


# A key of another operator class than the type's default may be unique in another sense of equal.
INDEXES = """
select i.indrelid::int8, i.indisprimary,
  array_to_json((i.indkey::int2[])[0:i.indnkeyatts - 1]),
  array_to_json((i.indcollation::oid[]::int8[])[0:i.indnkeyatts - 1]),
  coalesce(i.indpred::text, '')
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am m on m.oid = c.relam
where i.indisunique and i.indisvalid and i.indimmediate and not i.indisexclusion
  and i.indexprs is null and m.amname = 'btree'
  and not exists (
    select from pg_opclass o where o.oid = any (i.indclass::oid[]) and not o.opcdefault
  )
order by i.indrelid, not i.indisprimary, i.indexrelid
"""


class ForeignKeyRow(Struct, frozen=True, array_like=True):
    """A foreign key: its columns, and those of the other table, by number.

    Those that PostgreSQL adds for single partitions are left out.
    """

    relation: int
    columns: tuple[int, ...]
    other: int
    referred: tuple[int, ...]
    name: str
    checked: bool


FOREIGN_KEYS = """
select conrelid::int8, array_to_json(conkey), confrelid::int8, array_to_json(confkey), conname,
  convalidated
from pg_constraint
where contype = 'f' and conparentid = 0
order by conrelid, conname
"""


class TriggerRow(Struct, frozen=True, array_like=True):
    """An enabled trigger; `bits` is pg_trigger.tgtype.

    `only_writes`: the comment on its function has a line that says so.
    """

    relation: int
    name: str
    bits: int
    function: int
    only_writes: bool


TRIGGERS = """
select tgrelid::int8, tgname, tgtype, tgfoid::int8,
  coalesce(obj_description(tgfoid, 'pg_proc') ~ '(?n)^salacia: only writes$', false)
from pg_trigger
where not tgisinternal and tgenabled in ('O', 'A')
order by tgrelid, tgname
"""


class FunctionRow(Struct, frozen=True, array_like=True):
    """A function, aggregate or procedure; `body` is the printed tree of one in standard SQL."""

    oid: int
    schema: str
    name: str
    kind: str
    strict: bool
    volatility: Literal["i", "s", "v"]
    returns_set: bool
    language: str
    arguments: tuple[int, ...]
    result: int
    rows: float
    body: str


FUNCTIONS = """
select p.oid::int8, n.nspname, p.proname, p.prokind, p.proisstrict, p.provolatile, p.proretset,
  l.lanname, array_to_json(p.proargtypes::oid[]::int8[]), p.prorettype::int8, p.prorows,
  coalesce(p.prosqlbody::text, '')
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
"""


class OperatorRow(Struct, frozen=True, array_like=True):
    """An operator and the function that computes it."""

    oid: int
    name: str
    function: int
    equality: bool


OPERATORS = """
select o.oid::int8, o.oprname, o.oprcode::oid::int8, exists (
    select from pg_amop m
    join pg_am a on a.oid = m.amopmethod and a.amname = 'btree'
    where m.amopopr = o.oid and m.amopstrategy = 3
  )
from pg_operator o
"""


class ChildRow(Struct, frozen=True, array_like=True):
    """A direct descendant in an inheritance tree."""

    child: int
    parent: int
    partition: bool


CHILDREN = """
select i.inhrelid::int8, i.inhparent::int8, c.relispartition
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where c.relkind in ('r', 'p', 'f')
"""


# Temporary tables aren't part of what a project is made of.
PATH = """
select coalesce(array_to_json(array_agg(name order by place)), '[]')
from unnest(current_schemas(false)) with ordinality as path (name, place)
where name !~ '^pg_(toast_)?temp'
"""
KEYWORDS = "select array_to_json(array_agg(word)) from pg_get_keywords() where catcode <> 'U'"
