"""The type of a column or parameter in Python: PostgreSQL's, or what the settings say instead."""

import ast
import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from salacia_db.codegen.classes import Classes
from salacia_db.codegen.emit.imports import reference
from salacia_db.codegen.emit.own import OwnTypes
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.types import (
    ANY,
    KNOWN,
    TEXT,
    TUPLE,
    PyType,
    array_type,
    base_of,
    base_type,
    enum_type,
    listed,
    nested_type,
    range_type,
)
from salacia_db.codegen.facts import ColumnRef, Converter, PgType, Table
from salacia_db.codegen.problems import Problem

_BARE = {
    **{
        name: reference("builtins", name)
        for name in ("bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set")
    },
    **{name: reference("builtins", name) for name in ("str", "tuple")},
    "Any": ANY,
    "None": "None",
}


# What a column is overridden with: the text of a type, or converters with theirs.
Override: TypeAlias = str | Converter


class TypeMap:
    """Finds the Python type of everything."""

    def __init__(
        self,
        overrides: Mapping[str, Override],
        registry: Registry,
        tables: Collection[Table] = (),
        classes: Classes | None = None,
    ) -> None:
        self._registry = registry
        self._own = OwnTypes(classes)
        self._wrong: list[Problem] = []
        self._types: dict[str, Override] = {}
        self._columns: list[tuple[str, re.Pattern[str], Override]] = []
        self._unused: set[str] = set()
        self._referred = {
            ColumnRef(table.ref, column): ColumnRef(key.table, referred)
            for table in tables
            for key in table.foreign_keys
            for column, referred in zip(key.columns, key.referred, strict=True)
        }
        self._column_types = {
            ColumnRef(table.ref, column.name): column.type
            for table in tables
            for column in table.columns
        }
        self._met = {
            name
            for table in tables
            for column in table.columns
            for type_ in _parts(column.type)
            for name in (type_.name, f"{type_.schema}.{type_.name}")
        }
        self._shown = {
            ColumnRef(table.ref, column.name): column.origin
            for table in tables
            for column in table.columns
            if column.origin is not None
        }
        for key, value in overrides.items():
            self._add(key, value)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the settings, as far as types were asked for."""
        return [*self._wrong, *self._own.problems]

    @staticmethod
    def is_type(text: str) -> bool:
        """Whether somebody wrote a type."""
        return _annotation(text) is not None

    def unfound(self, told: str) -> list[Problem]:
        """What Python couldn't import of a type as a query says it."""
        return self._own.unfound(_annotation(told) or "")

    def find(
        self,
        type_: PgType,
        column: ColumnRef | None = None,
        told: str | None = None,
        *,
        filled: bool = False,
    ) -> PyType | None:
        """The Python type, None where there is none.

        `column` is where it comes from, or what it is compared with. `told` is what the query says
        of it; `filled`: it is an array without NULL.
        """
        plain = self._plain(type_, filled=filled)
        if told:
            override: Override | None = _annotation(told)
        elif column is None:
            return plain
        else:
            override = self._for_column(column)
            whole = self._column_types.get(column, type_)
            if not self._alike(type_, whole):
                return self._part(type_, whole, column, override, plain)
            if override is None and type_ == base_of(whole):
                return self._plain(whole, filled=filled)
        return plain if override is None else self._overridden(override, plain, type_)

    def _part(
        self,
        type_: PgType,
        whole: PgType,
        column: ColumnRef,
        override: Override | None,
        plain: PyType | None,
    ) -> PyType | None:
        """The type of what isn't the column's: a list of its values, an element, anything else."""
        array, within = base_of(type_), base_of(whole)
        if array.kind == "array" and array.element and self._alike(array.element, whole):
            element = self.find(array.element, column)
            return None if element is None or element.empty else array_type(element, nulls=True)
        if within.kind != "array" or not within.element or not self._alike(type_, within.element):
            return plain
        inner = listed(override) if isinstance(override, str) else None
        inner = None if inner is None else inner.removesuffix(" | None")
        if inner is not None and plain is not None and inner != plain.read:
            return self._overridden(inner, plain, type_)
        return plain

    def _alike(self, type_: PgType, other: PgType) -> bool:
        """Whether values of both are the same in Python, domains being what they are over."""
        one, two = base_of(type_), base_of(other)
        if one == two:
            return True
        plain = self._plain(one), self._plain(two)
        return plain[0] is not None and plain[1] is not None and plain[0].read == plain[1].read

    def touch(self, column: ColumnRef) -> None:
        """Note that a column exists, so that its settings are no mistake."""
        self._for_column(column)

    def unknown(self) -> list[Problem]:
        """What the settings say of types that nothing has, once all types have been asked for."""
        names = self._met | KNOWN
        return [
            Problem(
                f"[tool.salacia.types] nothing is of the type {key!r}",
                hint=f"did you mean `{near[0]}`?"
                if (near := difflib.get_close_matches(key, sorted(names), n=1))
                else "write a type by its name in pg_type, or a column as schema.table.column",
                severity="warning",
            )
            for key in sorted(self._types)
            if key.removeprefix("pg_catalog.") not in names
        ]

    def unused(self) -> list[Problem]:
        """A problem for each setting of a column that no column of the schema answers to."""
        return [
            Problem(
                f"[tool.salacia.types] {key!r} is no column of the schema",
                hint="write it as schema.table.column; * stands for any of the three",
            )
            for key in sorted(self._unused)
        ]

    def _add(self, key: str, value: Override) -> None:
        override = _spelled_override(value)
        if override is None:
            shown = value.type if isinstance(value, Converter) else value
            self._wrong.append(
                Problem(
                    f"[tool.salacia.types] {key} = {shown!r} is no type",
                    hint='write "secret", a built-in type or the dotted path of one: '
                    '"acme.ids.UserId", "list[acme.Line]"',
                )
            )
            return
        self._wrong += [
            replace(problem, message=f"[tool.salacia.types] {key}: {problem.message}")
            for problem in self._own.unfound(override)
        ]
        if key.count(".") == 2:
            parts = (re.escape(part).replace(r"\*", "[^.]*") for part in key.split("."))
            self._columns.append((key, re.compile(r"\.".join(parts)), override))
            # The fewer stars, the nearer to the column.
            self._columns.sort(key=lambda entry: (entry[0].count("*"), entry[0]))
            self._unused.add(key)
        else:
            self._types[key] = override

    def _for_column(self, column: ColumnRef) -> Override | None:
        """What the settings say of it.

        Else of the column that it shows, being a view's, or that a foreign key of it refers to.
        """
        same = column
        seen: set[ColumnRef] = set()
        at: ColumnRef | None = column
        while at is not None and at not in seen:
            seen.add(at)
            name = f"{at.table.schema}.{at.table.name}.{at.column}"
            found = [(key, said) for key, pattern, said in self._columns if pattern.fullmatch(name)]
            self._unused -= {key for key, _ in found}
            if found:
                # What refers to a secret may be anything.
                return None if found[0][1] == "secret" and at != same else found[0][1]
            if at == same and at in self._shown:
                at = same = self._shown[at]
            else:
                at = self._referred.get(at)
        return None

    def _plain(self, type_: PgType, *, filled: bool = False) -> PyType | None:
        self._met |= {type_.name, f"{type_.schema}.{type_.name}"}
        override = self._types.get(f"{type_.schema}.{type_.name}") or self._types.get(type_.name)
        known = self._known(type_, filled=filled)
        return known if override is None else self._overridden(override, known, type_)

    def _overridden(self, override: Override, plain: PyType | None, type_: PgType) -> PyType | None:
        array = base_of(type_)
        inner = listed(override) if isinstance(override, str) else None
        if plain is None or inner is None or array.kind != "array" or array.element is None:
            return self._own.overridden(override, plain, type_)
        element, dimensions = self._plain(array.element), 1
        if element is None:
            return self._own.overridden(override, plain, type_)
        # A value of JSON may be a list itself.
        while not element.json and not element.sequence and (deeper := listed(inner)):
            inner, dimensions = deeper, dimensions + 1
        nulls = inner.endswith(" | None")
        inner = inner.removesuffix(" | None")
        if inner != element.read:
            element = self._overridden(inner, element, array.element)
        if element is None:
            return None
        if dimensions == 1:
            return array_type(element, nulls=nulls)
        return nested_type(element, dimensions, nulls=nulls)

    def _known(self, type_: PgType, *, filled: bool = False) -> PyType | None:
        key = (type_.schema, type_.name)
        registry = self._registry
        if type_.kind == "enum":
            known = registry.enums.get(key)
            return enum_type(type_, known.text) if known else replace(TEXT, enum=type_)
        if type_.kind == "composite" and key in registry.composites:
            return self._composite(type_, registry.composites[key])
        element = None if type_.element is None else self._plain(type_.element)
        if type_.kind == "domain":
            return element
        if type_.kind == "array" and element is not None and type_.element is not None:
            if element.empty:
                return None
            nulls = not filled and not (type_.element.kind == "domain" and type_.element.not_null)
            return base_type(type_) or array_type(element, nulls=nulls)
        if type_.kind == "range" and element is not None and element.load is None:
            return range_type(element)
        if type_.kind == "multirange" and element is not None:
            return array_type(element, nulls=False)
        return base_type(type_)

    def _composite(self, type_: PgType, class_: Class) -> PyType | None:
        found = [self.find(attribute) for _, attribute in type_.attributes]
        # One that the driver knows only as text would make it refuse the whole composite.
        attributes = [a for a in found if a is not None and not a.text]
        if len(attributes) < len(found):
            return None
        builder = class_.builder if any(a.load for a in attributes) else class_.text
        return PyType(
            read=class_.text,
            given=class_.text,
            base=TUPLE,
            load=f"{builder}(*{{}})",
            dump=f"{class_.unpacker}({{}})",
            atomic=False,
            untold=any(a.untold for a in attributes),
            encoded=any(a.encoded for a in attributes),
        )


def _parts(type_: PgType) -> Iterator[PgType]:
    """The type and all that it is made of."""
    yield type_
    for inner in (type_.element, *(attribute for _, attribute in type_.attributes)):
        if inner is not None:
            yield from _parts(inner)


def _spelled_override(value: Override) -> Override | None:
    if isinstance(value, str):
        return value if value == "secret" else _annotation(value)
    type_ = _annotation(value.type)
    read = _annotation(value.read or value.type)
    write = None if value.write is None else _annotation(value.write)
    if type_ is None or read is None or (value.write is not None and write is None):
        return None
    return Converter(type_, read, write)


def _annotation(text: str) -> str | None:
    """A type as somebody wrote it, as text with references; None where it is none."""
    try:
        return _spelled(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, KeyError, RecursionError, MemoryError):
        return None


def _spelled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and node.value is None:
        return "None"
    if isinstance(node, ast.Name):
        return _BARE[node.id]
    if isinstance(node, ast.Attribute):
        module, _, name = ast.unparse(node).rpartition(".")
        if not module.replace(".", "").isidentifier() or not module.isascii():
            raise ValueError(module)
        return reference(module, name)
    if isinstance(node, ast.Subscript):
        return f"{_spelled(node.value)}[{_spelled(node.slice)}]"
    if isinstance(node, ast.Tuple):
        return ", ".join(map(_spelled, node.elts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return f"{_spelled(node.left)} | {_spelled(node.right)}"
    raise ValueError(ast.dump(node))
