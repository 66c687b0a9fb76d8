"""Relations: what foreign keys say of tables, and what their loaders are called."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.english import singular
from salacia_db.codegen.emit.registry import Registry
from salacia_db.codegen.emit.tables import TableObject
from salacia_db.codegen.emit.types import base_of
from salacia_db.codegen.facts import ForeignKey, Table, TableRef
from salacia_db.codegen.problems import Problem

Kind = Literal["one", "required", "many"]
# The ends of a foreign key: what it refers to, what refers by it, what lies beyond both.
End = Literal["parent", "children", "through"]
_SUFFIXES = ("_id", "_uuid", "_fk")


class Between(Struct, frozen=True):
    """A table between: `pairs` are columns of it, and those of the target."""

    table: TableObject
    pairs: tuple[tuple[str, str], ...]


class Relation(Struct, frozen=True):
    """What rows of `owner` lead to; `pairs` are columns of it and of the target, or of `between`.

    `wanted` are its possible names, the best first. `key` and `end` say which foreign key of
    `source` it comes from.
    """

    owner: TableObject
    target: TableObject
    kind: Kind
    pairs: tuple[tuple[str, str], ...]
    wanted: tuple[str, ...]
    source: TableRef
    key: ForeignKey
    end: End
    between: Between | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.wanted[0]


def relations(
    objects: Mapping[TableRef, TableObject],
    registry: Registry,
    report: Callable[[Problem], None],
) -> list[Relation]:
    """The relations of all tables, by owner; no two of an owner have the same name."""
    found = [
        relation
        for each in objects.values()
        for relation in (*_direct(each, objects), *_through(each, objects))
        if _loads(relation)
    ]
    chosen = [_overridden(relation, registry) for relation in found]
    by_owner: dict[TableRef, list[Relation]] = {}
    for relation in chosen:
        by_owner.setdefault(relation.owner.table.ref, []).append(relation)
    return [
        relation
        for owner in sorted(by_owner, key=lambda ref: (ref.schema, ref.name))
        for relation in _distinct(by_owner[owner], report)
    ]


def _keys(each: TableObject, objects: Mapping[TableRef, TableObject]) -> list[ForeignKey]:
    """The table's foreign keys to other tables of the package, each once."""
    known = {(k.columns, k.table, k.referred): k for k in reversed(each.table.foreign_keys)}
    return sorted((k for k in known.values() if k.table in objects), key=lambda k: k.columns)


def _direct(each: TableObject, objects: Mapping[TableRef, TableObject]) -> Iterator[Relation]:
    table, keys = each.table, _keys(each, objects)
    not_null = {column.name for column in table.columns if column.not_null}
    several = Counter(key.table for key in keys)
    between = any(near is not far for near, far in _joined(table, keys))
    for key in keys:
        target = objects[key.table]
        parent = _parent_name(key)
        required = key.checked and not_null.issuperset(key.columns)
        pairs = tuple(zip(key.columns, key.referred, strict=True))
        kind: Kind = "required" if required else "one"
        yield Relation(each, target, kind, pairs, (parent,), table.ref, key, "parent")
        single = any(set(unique) <= set(key.columns) for unique in table.unique_keys)
        full = _word(table.ref, single)
        short = full if between else _word(table.ref, single, beside=key.table)
        wanted = [short, full] if several[key.table] == 1 and key.table != table.ref else []
        wanted += [f"{short}_by_{parent}", f"{full}_by_{parent}"]
        back = tuple(zip(key.referred, key.columns, strict=True))
        kind = "one" if single else "many"
        yield Relation(target, each, kind, back, tuple(wanted), table.ref, key, "children")


def _through(each: TableObject, objects: Mapping[TableRef, TableObject]) -> Iterator[Relation]:
    """From table to table through one whose primary key is made of two foreign keys."""
    table, keys = each.table, _keys(each, objects)
    for near, far in _joined(table, keys):
        full = _word(far.table, False)
        longer = f"{full}_through_{names.field_name(table.ref.name)}"
        yield Relation(
            objects[near.table],
            objects[far.table],
            "many",
            tuple(zip(near.referred, near.columns, strict=True)),
            (full, longer, f"{longer}_by_{_parent_name(near)}"),
            table.ref,
            near,
            "through",
            Between(each, tuple(zip(far.columns, far.referred, strict=True))),
        )


def _joined(table: Table, keys: list[ForeignKey]) -> Iterator[tuple[ForeignKey, ForeignKey]]:
    primary = set(table.primary_key)
    for near in keys:
        for far in keys:
            parts = set(near.columns), set(far.columns)
            if near is not far and parts[0] | parts[1] == primary and primary not in parts:
                yield near, far


def _loads(relation: Relation) -> bool:
    """Whether the keys can be compared in Python, and sent as arrays."""
    columns = {column.name: column.type for column in relation.owner.table.columns}
    fields = {f.name: f.type for f in relation.owner.shape.fields}
    for column, _ in relation.pairs:
        type_ = fields[relation.owner.field(column)]
        # PostgreSQL knows no comparison of a domain over an enum.
        plain = columns[column].kind == "enum" or base_of(columns[column]).kind == "base"
        if not plain or type_.json or type_.sequence:
            return False
    return True


# --- names ----------------------------------------------------------------------------------------


def _parent_name(key: ForeignKey) -> str:
    """After the column, without `_id`; of several after those that have names of their own."""
    pairs = zip(key.columns, key.referred, strict=True)
    columns = [column for column, referred in pairs if column != referred]
    words = [_stripped(names.field_name(c)) for c in (columns if key.columns[1:] else key.columns)]
    return "_and_".join(filter(None, words)) or _word(key.table, True)


def _stripped(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return "" if name in ("id", "uuid") else name


def _word(table: TableRef, single: bool, *, beside: TableRef | None = None) -> str:
    """The table's name, in the singular for one row, without what the other's begins with.

    Beside `ai_providers`, `ai_interactions` are `interactions`; beside `orders`, `order_items` are
    `items`.
    """
    words = names.field_name(table.name).rstrip("_").split("_")
    own = [] if beside is None else names.field_name(beside.name).rstrip("_").split("_")
    shared = 0
    for one, other in zip(words[:-1], own, strict=False):
        if singular(one) != singular(other):
            break
        shared += 1
    *rest, last = words[shared:]
    return "_".join([*rest, singular(last) if single else last])


def _overridden(relation: Relation, registry: Registry) -> Relation:
    name = registry.relation_name(relation.source, relation.key.name, relation.end)
    return replace(relation, wanted=(name,)) if name else relation


def _distinct(found: list[Relation], report: Callable[[Problem], None]) -> list[Relation]:
    """Relations of one owner under the first of their names that no other has."""
    waiting = found
    for _ in range(max(len(relation.wanted) for relation in found)):
        count = Counter(relation.name for relation in waiting)
        waiting = [
            replace(relation, wanted=relation.wanted[1:])
            if count[relation.name] > 1 and len(relation.wanted) > 1
            else relation
            for relation in waiting
        ]
    chosen: dict[str, Relation] = {}
    for relation in waiting:
        other = chosen.setdefault(relation.name, relation)
        if other is not relation:
            report(_clash(other, relation))
    return sorted(chosen.values(), key=lambda relation: relation.name)


def _clash(one: Relation, other: Relation) -> Problem:
    owner = one.owner.table.ref
    described = " and ".join(
        f"{r.key.name} of {r.source.schema}.{r.source.name}" for r in (one, other)
    )
    path = f"{other.source.schema}.{other.source.name}.{other.key.name}.{other.end}"
    return Problem(
        f"the foreign keys {described} both become `load_{one.name}` of "
        f"{owner.schema}.{owner.name}; the second is left out",
        hint=f'give it a name under [tool.salacia.names]: "{path}" = "…"',
        severity="warning",
    )
