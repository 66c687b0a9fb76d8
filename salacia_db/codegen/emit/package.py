"""The package: every module of it, from the queries and the schema."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.classes import Classes
from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.database import (
    Member,
    Namespace,
    database_lines,
    init_lines,
    namespace_lines,
)
from salacia_db.codegen.emit.files import HEADER, File
from salacia_db.codegen.emit.group import Group, group_lines
from salacia_db.codegen.emit.imports import reference
from salacia_db.codegen.emit.instead import with_instead
from salacia_db.codegen.emit.loaders import MEMBER, loaders_lines
from salacia_db.codegen.emit.mapping import TypeMap
from salacia_db.codegen.emit.method import source_path
from salacia_db.codegen.emit.models import (
    composites_lines,
    enums_lines,
    errors_lines,
    rows_lines,
    shapes_lines,
)
from salacia_db.codegen.emit.plan import Method, Planner
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.relations import relations
from salacia_db.codegen.emit.shapes import Field, Shape
from salacia_db.codegen.emit.tables import table_objects, tables_lines
from salacia_db.codegen.facts import Converter, PgType, Query, Schema
from salacia_db.codegen.problems import Problem


class Options(Struct, frozen=True):
    """What the settings say of the generated package: its import name, types and names.

    `renames` are sqlc's: by the name of a column or, in the singular, of a table, wherever it is.
    With `exact_table_names` the struct of `books` is Books. `classes` tells what the types of the
    application are; without it they are taken at their word.
    """

    package: str
    types: Mapping[str, str | Converter] = {}
    names: Mapping[str, str] = {}
    renames: Mapping[str, str] = {}
    exact_table_names: bool = False
    classes: Classes | None = None


def _replaced(type_: PgType, types: Mapping[str, str | Converter]) -> bool:
    said = types.get(f"{type_.schema}.{type_.name}", types.get(type_.name, "secret"))
    return said != "secret"


class Package:
    """Everything that the modules are made of, planned before the first line is written."""

    def __init__(self, queries: Sequence[Query], schema: Schema, options: Options) -> None:
        self.options = options
        # For what the application has an enum of its own, another one would only confuse.
        shown = tuple(enum for enum in schema.enums if not _replaced(enum, options.types))
        self.schema = schema = replace(schema, enums=shown)
        overrides = names.Overrides(
            options.names, options.renames, exact_tables=options.exact_table_names
        )
        self.registry = Registry(schema, overrides)
        self.types = TypeMap(options.types, self.registry, schema.tables, options.classes)
        self.planner = Planner(schema, self.registry, self.types)
        self._problems: list[Problem] = []
        self.errors = self._errors(queries)
        self.composites = self._composites()
        self.groups = self._groups(queries)
        self.tables = table_objects(
            schema.tables, self.planner.tables, self.registry, self.types, self._problems.append
        )
        self.relations = relations(self.tables, self.registry, self._problems.append)
        self._check_functions()

    @property
    def problems(self) -> list[Problem]:
        """Everything that was found, each once."""
        found = [
            *self.registry.problems,
            *self.types.problems,
            *self.types.unused(),
            *self.types.unknown(),
            *self.registry.unused(),
            *self.planner.problems,
            *self._problems,
        ]
        return list({(p.message, p.at and (p.at.file.path, p.at.start)): p for p in found}.values())

    def _errors(self, queries: Iterable[Query]) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {}
        for query in queries:
            statement = query.statement
            if statement.none is None or statement.none == "NotFound":
                continue
            if not names.is_class_name(statement.none):
                self._problems.append(
                    Problem(
                        f"`{statement.none}` can't be the name of an error",
                        at=statement.header,
                        hint="write a name like `StaleInvoice`",
                    )
                )
                continue
            if statement.none not in errors:
                self.registry.top.take(
                    statement.none, f"`-- none: {statement.none}`", statement.header
                )
            users = errors.setdefault(statement.none, [])
            users.append(
                ".".join(filter(None, (statement.schema, statement.group, statement.name)))
            )
        return errors

    def _composites(self) -> list[Shape]:
        """The composites that can be read whole, each after those that it holds."""
        shapes: dict[tuple[str, str], Shape] = {}
        waiting = {(type_.schema, type_.name): type_ for type_ in self.schema.composites}

        def add(key: tuple[str, str]) -> None:
            type_ = waiting.pop(key, None)
            if type_ is None or self.types.find(type_) is None:
                return
            fields: list[Field] = []
            for name, (_, attribute) in zip(
                self.registry.attributes(type_), type_.attributes, strict=True
            ):
                inner = attribute
                while inner.element is not None:
                    inner = inner.element
                add((inner.schema, inner.name))
                found = self.types.find(attribute)
                assert found is not None
                fields.append(Field(name, found, nullable=True))
            doc = type_.comment or f"The composite type `{type_.schema}.{type_.name}`."
            shapes[key] = Shape(self.registry.composites[key], tuple(fields), doc)

        for key in list(waiting):
            add(key)
        return list(shapes.values())

    def _groups(self, queries: Iterable[Query]) -> list[Group]:
        by_path: dict[tuple[str, ...], list[Query]] = {}
        sources: dict[tuple[str, ...], set[tuple[str | None, str]]] = {}
        for query in queries:
            statement = query.statement
            folder = (names.field_name(statement.schema),) if statement.schema else ()
            path = (*folder, names.field_name(statement.group))
            by_path.setdefault(path, []).append(query)
            sources.setdefault(path, set()).add((statement.schema, statement.group))
        self._check_paths(by_path, sources)
        return [self._group(path, by_path[path]) for path in sorted(by_path)]

    def _check_paths(
        self,
        by_path: Mapping[tuple[str, ...], list[Query]],
        sources: Mapping[tuple[str, ...], set[tuple[str | None, str]]],
    ) -> None:
        for path, found in sources.items():
            at = by_path[path][0].statement.header
            if path[0] in names.SESSION_NAMES:
                self._problems.append(
                    Problem(
                        f"a group can't be called `{path[0]}`: the database has that attribute",
                        at=at,
                        hint="rename the file",
                    )
                )
            clash = sorted(f"{schema or ''}/{group}".lstrip("/") for schema, group in found)
            if len(clash) > 1:
                what = " and ".join(clash)
                message = f"the query files {what} both become `{'.'.join(path)}`"
                self._problems.append(Problem(message, at=at, hint="rename one of them"))
            if len(path) > 1 and path[:1] in by_path:
                self._problems.append(
                    Problem(
                        f"the file and the folder of queries called {path[0]!r} "
                        f"both become `{path[0]}`",
                        at=at,
                        hint="rename one of them",
                    )
                )

    def _check_functions(self) -> None:
        """Classes that differ in their capitals alone have builders of one name."""
        shapes = [
            *((f"table {ref.schema}.{ref.name}", s) for ref, s in self.planner.tables.items()),
            *((f"composite type {s.class_.name}", s) for s in self.composites),
        ]
        scopes: dict[str, names.Clashes] = {}
        for source, shape in shapes:
            module = shape.class_.module
            built = shape.decoded.converts or module == ".composites"
            if built or shape.class_ in self.planner.read:
                scope = names.Clashes(f"`{module[1:]}`", self._problems.append)
                name = f"build_{names.field_name(shape.class_.name)}"
                scopes.setdefault(module, scope).take(name, source)

    def _group(self, path: tuple[str, ...], queries: Sequence[Query]) -> Group:
        modules = [path[0] + "_" if path[0] in names.MODULES else path[0], *path[1:]]
        module = "." + ".".join(modules)
        where = f"`{'.'.join(path)}`"
        taken = names.Clashes(where, self._problems.append)
        methods: list[Method] = []
        for query in queries:
            statement = query.statement
            name = names.field_name(statement.name)
            taken.take(name, f"query {statement.name!r}", statement.header)
            if statement.kind == "page":
                what = f"the pages by number of {statement.name!r}"
                taken.take(names.numbered_name(name), what, statement.header)
            method = self.planner.plan(query, module)
            if method is not None:
                methods.append(method)
        return Group(
            path=path,
            module=module,
            class_name=names.group_class(path[-1]),
            sources=tuple(sorted({source_path(query) for query in queries})),
            methods=tuple(with_instead(methods, self._problems.append)),
        )


def render(package: Package) -> list[File]:
    """Every file of a package without problems."""
    hidden = frozenset(package.registry.top.names())
    pages: dict[str, list[str]] = {"py.typed": []}
    pages |= _models(package, hidden)
    if package.schema.enums:
        pages["enums.py"] = enums_lines(package.schema.enums, package.registry, hidden)
    if package.composites:
        pages["composites.py"] = composites_lines(package.composites, hidden)
    shared = package.planner.shared.shapes()
    if shared:
        pages["rows.py"] = rows_lines(shared, hidden)
    if package.errors:
        pages["errors.py"] = errors_lines(package.errors, hidden)
    for group in package.groups:
        pages[_file(group.module)] = group_lines(group, package.planner.tables, hidden)
    if package.tables:
        pages["tables.py"] = tables_lines(list(package.tables.values()), hidden)
    members = {group.path[0]: _member(group) for group in package.groups if len(group.path) == 1}
    for namespace in _namespaces(package.groups):
        pages[_file(namespace.module, package=True)] = namespace_lines(namespace, hidden)
        members[namespace.name] = Member(namespace.name, namespace.text, namespace.doc)
    if package.relations:
        pages["relations.py"] = loaders_lines(package.relations, hidden)
        members[MEMBER.name] = MEMBER
    ordered = [members[name] for name in sorted(members)]
    pages["database.py"] = database_lines(ordered, hidden, package.schema.search_path)
    pages["__init__.py"] = init_lines(package.options.package, _exports(package))
    return [File(path, "\n".join([HEADER, *lines]) + "\n") for path, lines in sorted(pages.items())]


def _models(package: Package, hidden: frozenset[str]) -> dict[str, list[str]]:
    by_module: dict[str, list[Shape]] = {}
    titles: dict[str, str] = {".models": "Rows of the database's tables."}
    for ref, shape in package.planner.tables.items():
        by_module.setdefault(shape.class_.module, []).append(shape)
        if shape.class_.module != ".models":
            titles[shape.class_.module] = f"Rows of the tables of schema `{ref.schema}`."
    if not by_module:
        return {}
    is_package = len(titles) > 1
    read = package.planner.read
    pages: dict[str, list[str]] = {}
    for module, title in titles.items():
        whole = is_package and module == ".models"
        lines = shapes_lines(title, module, by_module.get(module, []), read, hidden, package=whole)
        pages[_file(module, package=whole)] = lines
    return pages


def _member(group: Group) -> Member:
    return Member(group.path[-1], group.text, group.doc)


def _namespaces(groups: Iterable[Group]) -> list[Namespace]:
    folders: dict[str, list[Group]] = {}
    for group in groups:
        if len(group.path) > 1:
            folders.setdefault(group.path[0], []).append(group)
    return [
        Namespace(
            name=name,
            module=inner[0].module.rpartition(".")[0],
            class_name=names.group_class(name),
            doc=f"The groups of queries in the folder {name}.",
            members=tuple(map(_member, inner)),
        )
        for name, inner in folders.items()
    ]


def _file(module: str, *, package: bool = False) -> str:
    path = module[1:].replace(".", "/")
    return f"{path}/__init__.py" if package else f"{path}.py"


def _exports(package: Package) -> list[str]:
    """References to every class that is imported from the package itself."""
    found = [shape.class_ for shape in package.planner.tables.values()]
    found += [*package.registry.enums.values(), *(shape.class_ for shape in package.composites)]
    found += [shape.class_ for shape in package.planner.shared.shapes()]
    found += [Class(".errors", name) for name in package.errors]
    top = [class_ for class_ in found if not class_.module.startswith(".models.")]
    # Where several have one name, their modules tell them apart.
    inputs = [Class(g.module, m.input) for g in package.groups for m in g.methods if m.input]
    count = Counter([*(class_.name for class_ in inputs), *package.registry.top.names()])
    top += [class_ for class_ in inputs if count[class_.name] == 1]
    own = [reference(".database", name) for name in (*names.CLASSES, "connect")]
    own += [reference(".", "tables")] if package.tables else []
    return [*(class_.text for class_ in top), *own]
