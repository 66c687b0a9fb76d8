"""The modules that tie groups together: the database, the unit of work, the package itself."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference, sort_key
from salacia_db.codegen.emit.writer import STEP, Call, Code, docstring, layout, literal, strings


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
    imports = Imports("", package=True)
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
    slots = strings(member.name for member in members)
    return layout(slots, indent=STEP, before="__slots__ = ")


def database_lines(
    members: Sequence[Member], hidden: frozenset[str], search_path: Sequence[str]
) -> list[str]:
    """The module of `Queries`, `UnitOfWork`, `Database` and `connect`."""
    local = hidden.union((member.name for member in members), ("connect",), _CONNECT)
    imports = Imports(".database", local, names.CLASSES)
    unit, database = imports.use(RUNTIME, "UnitOfWork"), imports.use(RUNTIME, "Database")
    body = [
        *_protocol(members, imports),
        *_class("UnitOfWork", unit, _UNIT_DOC),
        *_groups(members, imports),
        *_class("Database", f"{database}[UnitOfWork]", _DATABASE_DOC),
        "",
        f"{STEP}unit_of_work_class = UnitOfWork",
        *_path(search_path),
        *_groups(members, imports),
        *_connect(imports),
    ]
    doc = docstring("The database: its groups of queries, in and out of transactions.")
    return [*doc, "", *imports.lines(), *body]


_PROTOCOL_DOC = """What a service can take: the groups of a database or of a unit of work.

On a `Database` each call runs by itself, on a `UnitOfWork` all of them in its transaction.
"""
_UNIT_DOC = "One transaction; its groups of queries run in it."
_DATABASE_DOC = "The database; each call of its groups of queries runs by itself."
_CONNECT_DOC = """A database that `async with` opens and closes.

Without `url` it is the one that the environment variable DATABASE_URL names; `embedded:` is a
server of the project's own. What a profile sets can be changed by keyword.
"""
_CONNECT = ("url", "profile", "hooks", "settings")


def _protocol(members: Sequence[Member], imports: Imports) -> list[str]:
    bases = f"{imports.use(RUNTIME, 'Finds')}, {imports.use('typing', 'Protocol')}"
    lines = ["", "", f"class Queries({bases}):"]
    lines += docstring(_PROTOCOL_DOC, STEP)
    for member in members:
        lines += ["", f"{STEP}@{imports.use('builtins', 'property')}"]
        lines.append(f"{STEP}def {member.name}(self) -> {imports.spell(member.text)}:")
        lines += [*docstring(member.doc, STEP * 2), f"{STEP * 2}..."]
    return lines


def _class(name: str, base: str, doc: str) -> list[str]:
    return ["", "", f"class {name}({base}):", *docstring(doc, STEP)]


def _path(schemas: Sequence[str]) -> list[str]:
    if not schemas:
        return []
    return layout(strings(schemas), indent=STEP, before="search_path = ")


def _groups(members: Sequence[Member], imports: Imports) -> list[str]:
    lines: list[str] = []
    for member in members:
        lines += ["", *cached_lines(member, imports)]
    return lines


def cached_lines(member: Member, imports: Imports, *, session: str = "self.session") -> list[str]:
    """An attribute that is made, on a session, when it is first used."""
    text = imports.spell(member.text)
    return [
        f"{STEP}@{imports.use(RUNTIME, 'lazy')}",
        f"{STEP}def {member.name}(self) -> {text}:",
        *docstring(member.doc, STEP * 2),
        f"{STEP * 2}return {text}({session})",
    ]


def _connect(imports: Imports) -> list[str]:
    text = imports.use("builtins", "str")
    profile, hooks = imports.use(RUNTIME, "Profile"), imports.use(RUNTIME, "Hooks")
    overrides = f"{imports.use('typing', 'Unpack')}[{imports.use(RUNTIME, 'Overrides')}]"
    parameters: list[Code] = [
        f"url: {text} | None = None",
        "*",
        f"profile: {profile} | None = None",
        f"hooks: {hooks} | None = None",
        f"**settings: {overrides}",
    ]
    values: list[Code] = ["url", "profile=profile", "hooks=hooks", "**settings"]
    return [
        "",
        "",
        *layout(Call("def connect(", parameters), after=" -> Database:"),
        *docstring(_CONNECT_DOC, STEP),
        *layout(Call("Database(", values), indent=STEP, before="return "),
    ]
