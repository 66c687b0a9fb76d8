"""The modules that tie groups together: the database, the unit of work, the package itself."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference, sort_key
from salacia_db.codegen.emit.writer import Call, Code, docstring, layout, literal


class Member(Struct, frozen=True):
    """An attribute of the database: a group, or the groups of a folder. `text` is its class."""

    name: str
    text: str
    doc: str


class Namespace(Struct, frozen=True):
    """The groups of one folder, which are attributes of an attribute of the database."""

    name: str
    module: str
    class_name: str
    doc: str
    members: tuple[Member, ...]

    @property
    def text(self) -> str:
        """A reference to its class."""
        return reference(self.module, self.class_name)


def namespace_lines(namespace: Namespace, hidden: frozenset[str]) -> list[str]:
    """The module of the groups that lie in one folder."""
    members = namespace.members
    local = hidden.union(member.name for member in members)
    imports = Imports(namespace.module, local, {namespace.class_name}, package=True)
    base, session = imports.use(RUNTIME, "Group"), imports.use(RUNTIME, "Session")
    body = [f"class {namespace.class_name}({base}):", *docstring(namespace.doc, "    "), ""]
    body += _slots(members)
    body += ["", f"    def __init__(self, session: {session}) -> None:"]
    body.append("        super().__init__(session)")
    body += [f"        self.{m.name} = {imports.spell(m.text)}(session)" for m in members]
    return [*docstring(namespace.doc), "", *imports.lines(), "", "", *body]


def init_lines(package: str, exports: Sequence[str]) -> list[str]:
    """The package's own module: its public names, nothing else."""
    imports = Imports(".", package=True)
    found = sorted((imports.spell(text) for text in exports), key=sort_key)
    doc = f"""The data layer `{package}`: typed functions for the project's SQL.

    `connect()` gives a `Database`, whose attributes are the groups of queries; the same attributes
    of a `UnitOfWork` run in one transaction, and a function that takes `Queries` serves both.
    """
    public = layout(
        Call("[", [literal(name) for name in found], "]", hug=False), before="__all__ = "
    )
    return [*docstring(doc), "", *imports.lines(), "", *public]


def _slots(members: Iterable[Member]) -> list[str]:
    names: list[Code] = [literal(member.name) for member in members]
    close = ",)" if len(names) == 1 else ")"
    return layout(Call("(", names, close, hug=False), indent="    ", before="__slots__ = ")


def database_lines(members: Sequence[Member], hidden: frozenset[str]) -> list[str]:
    """The module of `Queries`, `UnitOfWork`, `Database` and `connect`."""
    local = hidden.union((member.name for member in members), ("connect",))
    imports = Imports(".database", local, {"Queries", "UnitOfWork", "Database"})
    body = [*_protocol(members, imports)]
    return [
        *docstring("The database: its groups of queries, in and out of transactions."),
        "",
        *imports.lines(),
        *body,
    ]


def _protocol(members: Sequence[Member], imports: Imports) -> list[str]:
    doc = """The groups of queries, of a database or of a unit of work: a service can take either.

    On a `Database` each call runs by itself, on a `UnitOfWork` all of them in its transaction.
    """
    base = imports.use("typing", "Protocol")
    lines = ["", "", f"class Queries({base}):", *docstring(doc, "    ")]
    for member in members:
        lines += ["", "    @property"]
        lines.append(f"    def {member.name}(self) -> {imports.spell(member.text)}:")
        lines += docstring(member.doc, "        ")
        lines.append("        ...")
    return lines
