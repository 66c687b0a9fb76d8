"""Files of the usual statements: where each is to stand, and whether the generator takes it."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.schema import LiveDatabase, explained, prepared, schema
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.session import ServerError
from salacia_db.codegen.analysis.shapes import analyse_shapes
from salacia_db.codegen.analysis.views import with_views
from salacia_db.codegen.emit.names import MODULES, SESSION_NAMES, field_name, struct_name
from salacia_db.codegen.facts import SourceFile, Table
from salacia_db.codegen.pipeline import schema_source
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.project import Project
from salacia_db.codegen.scaffold.columns import subject
from salacia_db.codegen.scaffold.statements import statements
from salacia_db.codegen.source import parse_file
from salacia_db.codegen.source.files import show
from salacia_db.codegen.source.suggest import did_you_mean
from salacia_db.postgres import PostgresError

_NO_KEY = """\
-- No key tells a row from all others, so that there is nothing here that finds or changes one.
"""
# Of a file's name, on the usual systems.
_LONGEST = 255
_IDENTITIES = "select attnum from pg_attribute where attidentity <> ''"


class Draft(Struct, frozen=True):
    """A file to be written: its path, as it is shown, its text and the names of its statements."""

    path: Path
    shown: str
    text: str
    names: tuple[str, ...]


def drafts(project: Project, names: Sequence[str]) -> list[Draft]:
    """A file for each of the tables or views, which may be named with their schema.

    Every statement has been tried on a server with the project's schema. Nothing is written.
    Raises ProblemsError where a table doesn't exist or there is nothing to write of it, where the
    schema can't be made, and where the project has no folder of queries.
    """
    folder = _folder(project)
    source = schema_source(project)
    url = None if isinstance(source, LiveDatabase) else project.database_url
    try:
        with prepared(source, url) as ready:
            catalog = with_views(load(ready.server), ready.server)
            tables = schema(catalog).tables
            found = list(dict.fromkeys(_find(name, tables) for name in names))
            problems = [one for one in found if isinstance(one, Problem)]
            if problems:
                raise ProblemsError(*problems)
            chosen = [one for one in found if isinstance(one, Table)]
            return [_draft(one, tables, folder, project, ready.server, catalog) for one in chosen]
    except (ServerError, PostgresError) as error:
        raise ProblemsError(explained(error)) from None


def _folder(project: Project) -> Path:
    if project.dialect != "salacia":
        message = "scaffold writes Salacia's dialect, and this project's is sqlc's"
        hint = 'set `dialect = "salacia"`, or give --dialect salacia and a folder: --queries DIR'
        raise ProblemsError(Problem(message, hint=hint))
    folders = [path for path in project.queries if path.is_dir() or path.suffix.lower() != ".sql"]
    if not folders:
        message = "the settings name files of queries and no folder, where a new file could stand"
        hint = 'name a folder: `queries = ["sql"]`, or --queries DIR'
        raise ProblemsError(Problem(message, hint=hint))
    return folders[0]


def _find(name: str, tables: Sequence[Table]) -> Table | Problem:
    full = {f"{table.ref.schema}.{table.ref.name}": table for table in tables}
    alone = [table for table in tables if table.ref.name == name]
    found = full.get(name) or full.get(f"public.{name}")
    if found is not None:
        return found
    if len(alone) == 1:
        return alone[0]
    if alone:
        written = " or ".join(f"{table.ref.schema}.{table.ref.name}" for table in alone)
        return Problem(f"several schemas have a table {name}", hint=f"say which: {written}")
    near = did_you_mean(name, [*full, *(table.ref.name for table in tables)])
    hint = f"did you mean `{near}`?" if near else "a table or view of the schema, as SQL names it"
    return Problem(f"there is no table {name}", hint=hint)


def _draft(
    table: Table,
    tables: Sequence[Table],
    folder: Path,
    project: Project,
    server: Server,
    catalog: Catalog,
) -> Draft:
    path = folder / _module(table.ref.name)
    if table.ref.schema != "public":
        path = folder / _module(table.ref.schema) / path.name
    path = path.with_name(f"{path.name}.sql")
    shown = show(path, project.root)
    if max(map(len, path.parts)) > _LONGEST:
        message = f"the table {table.ref.name} has a name that is too long for a file"
        raise ProblemsError(Problem(message, hint="write its file yourself, under a shorter name"))
    broken = [name for name in _names(table) if len(name.splitlines()) > 1]
    if broken:
        message = f"the name {broken[0]!r}, in the table {table.ref.name!r}, has a line break"
        hint = "no line that is optional can hold it: rename it, or write its file yourself"
        raise ProblemsError(Problem(message, hint=hint))
    about = subject(table, tables, _identities(table, server), catalog.quote)
    texts: list[str] = []
    names: list[str] = []
    wrong: list[Problem] = []
    for forms in statements(about, f"Stale{struct_name(table.ref.name)}"):
        for text in forms:
            problems = _problems(SourceFile(shown, text), path.stem, server, catalog)
            if not problems:
                texts.append(text)
                names.append(text.split(" ", 3)[2])
                break
            wrong += problems
    if not texts:
        message = f"nothing can be written of {about.name}: {wrong[0].message}"
        raise ProblemsError(Problem(message, hint=wrong[0].hint))
    head = f"-- The usual statements of {path.stem}, for you to change.\n"
    head += "" if about.keys or not about.stored else _NO_KEY
    return Draft(path, shown, "\n".join([head, *texts]), tuple(names))


def _problems(file: SourceFile, group: str, server: Server, catalog: Catalog) -> Sequence[Problem]:
    """What the generator has to say of a file with one statement."""
    found, problems = parse_file(file, group, None, "salacia")
    return problems or analyse_shapes(found[0], server, catalog).problems


def _module(name: str) -> str:
    """The name as a file's or folder's whose group can be an attribute of a database."""
    module = field_name(name)
    return f"{module}_rows" if module in SESSION_NAMES | MODULES else module


def _names(table: Table) -> list[str]:
    return [table.ref.schema, table.ref.name, *(column.name for column in table.columns)]


def _identities(table: Table, server: Server) -> frozenset[int]:
    rows = server.rows(f"{_IDENTITIES} and attrelid = {table.oid}")
    return frozenset(int(number) for (number,) in rows if number is not None)
