"""The registry: which class stands for each table, enum and composite of the schema, and where."""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import reference
from salacia_db.codegen.facts import PgType, Schema, Table, TableRef
from salacia_db.codegen.problems import Problem


class Class(Struct, frozen=True, gc=False):
    """A generated class: its module within the package (`.models`) and its name."""

    module: str
    name: str

    @property
    def text(self) -> str:
        """A reference to it."""
        return reference(self.module, self.name)

    @property
    def main(self) -> bool:
        """Whether it is the struct of a table of the main schema."""
        return self.module == ".models"

    @property
    def builder(self) -> str:
        """A reference to the function that builds it from the driver's values, if there is one."""
        return reference(self.module, f"build_{names.field_name(self.name)}")

    @property
    def reader(self) -> str:
        """A reference to the function that builds it from a whole row within a value."""
        return reference(self.module, f"read_{names.field_name(self.name)}")

    @property
    def unpacker(self) -> str:
        """A reference to the function that makes of a composite what the driver takes."""
        return reference(self.module, f"unpack_{names.field_name(self.name)}")


class Registry:
    """The classes of a schema, and the names within them. Reports every clash.

    Tables of the main schema live in `.models`, those of another one in `.models.<schema>`; main
    is `public`, or the only one.
    """

    def __init__(self, schema: Schema, overrides: names.Overrides) -> None:
        self._overrides = overrides
        self.problems = list(self._overrides.problems)
        # Classes that can be imported from the package itself.
        self.top = names.Clashes("the package", self.problems.append)
        for name in names.CLASSES:
            self.top.take(name, f"the package's own class {name}")
        self.main = _main_schema(schema.tables)
        self.tables = self._tables(schema.tables)
        self.enums = self._types(schema.enums, ".enums", "enum")
        self.composites = self._types(schema.composites, ".composites", "composite type")
        self._fields = {
            table.ref: self._names(
                table.ref.schema,
                table.ref.name,
                "column",
                [column.name for column in table.columns],
                names.field_name,
            )
            for table in schema.tables
        }
        self._members = {
            (t.schema, t.name): self._names(t.schema, t.name, "label", t.labels, names.member_name)
            for t in schema.enums
        }
        self._attributes = {
            (t.schema, t.name): self._names(
                t.schema, t.name, "attribute", [name for name, _ in t.attributes], names.field_name
            )
            for t in schema.composites
        }

    def unused(self) -> list[Problem]:
        """The names in the settings that are given to nothing."""
        return self._overrides.unused()

    def renamed(self, column: str) -> str:
        """A column's name as sqlc's renames have it, wherever the column is from."""
        return self._overrides.renamed(column)

    def object_name(self, table: TableRef) -> str:
        """The name of a table's own object; outside of the main schema, that comes first."""
        name = self._overrides.get(table.schema, table.name) or table.name
        if table.schema == self.main:
            return names.field_name(name)
        schema = self._overrides.get(table.schema) or table.schema
        return names.field_name(f"{schema}_{name}")

    def relation_name(self, table: TableRef, constraint: str, end: str) -> str | None:
        """What the settings call a relation, by `table.constraint.end`."""
        return self._overrides.get(table.schema, table.name, constraint, end)

    def fields(self, table: TableRef) -> tuple[str, ...]:
        """The names of the fields of a table's struct, one for each column."""
        return self._fields[table]

    def members(self, enum: PgType) -> tuple[str, ...]:
        """The names of the members of an enum, one for each label."""
        return self._members[enum.schema, enum.name]

    def attributes(self, composite: PgType) -> tuple[str, ...]:
        """The names of the fields of a composite's struct, one for each attribute."""
        return self._attributes[composite.schema, composite.name]

    def _tables(self, tables: Iterable[Table]) -> dict[TableRef, Class]:
        modules = names.Clashes("the package's `models`", self.problems.append)
        scopes: dict[str, names.Clashes] = {self.main: self.top}
        found: dict[TableRef, Class] = {}
        for ref in (table.ref for table in tables):
            module = ".models"
            if ref.schema != self.main:
                name = self._overrides.get(ref.schema) or names.field_name(ref.schema)
                module = f".models.{name}"
                if ref.schema not in scopes:
                    modules.take(name, f"schema {ref.schema}")
            scope = scopes.setdefault(
                ref.schema, names.Clashes(f"`{module[1:]}`", self.problems.append)
            )
            class_name = self._overrides.get(ref.schema, ref.name)
            class_name = class_name or self._overrides.struct_name(ref.name)
            if class_name in names.CLASSES:
                class_name += "Row"
            scope.take(class_name, f"table {ref.schema}.{ref.name}")
            found[ref] = Class(module, class_name)
        return found

    def _types(
        self, types: Iterable[PgType], module: str, what: str
    ) -> dict[tuple[str, str], Class]:
        renamed = self._overrides.renamed
        chosen = {(t.schema, t.name): names.class_name(renamed(t.name)) for t in types}
        count = Counter(chosen.values())
        found: dict[tuple[str, str], Class] = {}
        for (schema, name), class_name in chosen.items():
            override = self._overrides.get(schema, name)
            if override:
                class_name = override
            elif count[class_name] > 1 and schema != self.main:
                class_name = names.class_name(schema) + class_name
            elif class_name in names.CLASSES:
                class_name += "Value"
            self.top.take(class_name, f"{what} {schema}.{name}")
            found[schema, name] = Class(module, class_name)
        return found

    def _names(
        self,
        schema: str,
        owner: str,
        what: str,
        sources: Iterable[str],
        name: Callable[[str], str],
    ) -> tuple[str, ...]:
        clashes = names.Clashes(f"the class of {schema}.{owner}", self.problems.append)
        found: list[str] = []
        for source in sources:
            chosen = self._overrides.get(schema, owner, source)
            chosen = chosen or name(self._overrides.renamed(source))
            clashes.take(chosen, f"{what} {source!r}")
            found.append(chosen)
        if what == "label" and "mro" in found:
            message = f"no member of an enum can be called `mro`, as one of {schema}.{owner} is"
            hint = "give it another name under [tool.salacia.names]"
            self.problems.append(Problem(message, hint=hint))
        return tuple(found)


def _main_schema(tables: Iterable[Table]) -> str:
    schemas = sorted({table.ref.schema for table in tables})
    return schemas[0] if len(schemas) == 1 else "public"
