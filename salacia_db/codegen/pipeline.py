"""The way from a project to its package: read, analyse, emit. Each stage adds its problems."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.project import NOTHING, Analysis, analyse_project
from salacia_db.codegen.analysis.schema import (
    LiveDatabase,
    Migrations,
    SchemaFiles,
    SchemaSource,
    bring_schema,
)
from salacia_db.codegen.classes import Classes
from salacia_db.codegen.describe import Description, Naming, describe, undescribed
from salacia_db.codegen.emit import File, Options, diff, emit, write
from salacia_db.codegen.emit.imports import plain
from salacia_db.codegen.emit.package import Package
from salacia_db.codegen.emit.plan import Method
from salacia_db.codegen.emit.types import optional
from salacia_db.codegen.facts import Column, Query, SourceFile
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.project import Project
from salacia_db.codegen.source import read_queries
from salacia_db.codegen.source.files import show
from salacia_db.codegen.sqlc.migrations import sql_files, without_rollback
from salacia_db.postgres.cluster import cache_folder


class Generated(Struct, frozen=True):
    """A package as it should be: its files, unless a problem is an error."""

    out: Path
    folder: str
    files: tuple[File, ...]
    queries: int
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        """Whether there is an error, so that nothing may be written."""
        return any(problem.severity == "error" for problem in self.problems)

    def diff(self) -> str:
        """What `write` would change, as a unified diff. Raises ProblemsError."""
        text, problems = diff(self.files, self.out)
        if problems:
            raise ProblemsError(*problems)
        return text

    def write(self) -> list[str]:
        """Brings the folder up to date; returns the paths that changed. Raises ProblemsError."""
        changed, problems = write(self.files, self.out)
        if problems:
            raise ProblemsError(*problems)
        return changed


def generate(project: Project) -> Generated:
    """The project's package. Nothing is written yet."""
    analysis = analyse(project)
    files: list[File] = []
    found: list[Problem] = []
    if analysis.schema is not NOTHING:
        files, found = emit(analysis.queries, analysis.schema, _options(project))
    problems = in_order((*analysis.problems, *found))
    folder = show(project.out, project.root)
    return Generated(project.out, folder, tuple(files), len(analysis.queries), problems)


def description(
    projects: Sequence[Project], problems: Sequence[Problem] = (), *, linger: float = 0
) -> tuple[Description, tuple[Problem, ...]]:
    """What is known of every query that could be understood, and all problems.

    `problems` were found before; those of several projects are told once. `linger`: for how many
    seconds a process may stay that answers faster next time.
    """
    described = [_description(project, linger) for project in projects]
    found = (*problems, *(p for _, own in described for p in own))
    told = tuple({(p.message, p.position()): p for p in found}.values())
    empty = undescribed(told)
    queries = tuple(query for one, _ in described for query in one.queries)
    return msgspec.structs.replace(empty, queries=queries), told


def _description(project: Project, linger: float) -> tuple[Description, tuple[Problem, ...]]:
    analysis = analyse(project, linger)
    if analysis.schema is NOTHING:
        problems = in_order(analysis.problems)
        return undescribed(problems), problems
    package = Package(analysis.queries, analysis.schema, _options(project))
    problems = in_order((*analysis.problems, *package.problems))
    methods = {id(method.query): method for group in package.groups for method in group.methods}
    known = [query for query in analysis.queries if id(query) in methods]
    return describe(known, problems, _naming(package, methods)), problems


def analyse(project: Project, linger: float = 0) -> Analysis:
    """Every statement of the project with what PostgreSQL says of it, and all problems so far.

    `linger` as in `description`.
    """
    statements, problems = read_queries(project.queries, project.dialect, project.root)
    try:
        source = schema_source(project)
    except ProblemsError as error:
        return Analysis(NOTHING, (), (*problems, *error.problems))
    analysis = analyse_project(
        statements,
        source,
        server_url=None if isinstance(source, LiveDatabase) else project.database_url,
        cache=cache_folder(),
        linger=linger,
    )
    return Analysis(analysis.schema, analysis.queries, (*problems, *analysis.problems))


def load_schema(project: Project, url: str) -> None:
    """Brings the project's schema to the empty database at `url`, as its superuser.

    Raises ProblemsError and PostgresError.
    """
    bring_schema(schema_source(project), url)


def in_order(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems by their place: those without one first."""
    return tuple(sorted(problems, key=lambda problem: problem.position() or ("", 0, 0)))


def schema_source(project: Project) -> SchemaSource:
    """Where the project's schema comes from, with its files read. Raises ProblemsError."""
    if project.migrations is not None:
        if not project.migrations.is_dir():
            shown = show(project.migrations, project.root)
            what = "is no folder" if project.migrations.exists() else "doesn't exist"
            hint = "name the folder of your migrations: --migrations, or `migrations` in settings"
            raise ProblemsError(Problem(f"{shown} {what}", hint=hint))
        return Migrations(project.migrations)
    if project.schema:
        read = [_source_file(path, project.root) for path in _schema_files(project)]
        problems = [found for found in read if isinstance(found, Problem)]
        if problems:
            raise ProblemsError(*problems)
        files = [found for found in read if isinstance(found, SourceFile)]
        if project.dialect == "sqlc":
            files = [SourceFile(file.path, without_rollback(file.text)) for file in files]
        return SchemaFiles(tuple(files))
    assert project.database_url is not None  # load_project has seen to it
    return LiveDatabase(project.database_url)


def _schema_files(project: Project) -> list[Path]:
    """The files of the schema; where sqlc's rules hold, also those of its folders."""
    if project.dialect != "sqlc":
        return list(project.schema)
    # What isn't there is kept, so that it is reported.
    found = [sql_files(project.root, str(path)) or [path] for path in project.schema]
    return [file for files in found for file in files]


def _source_file(path: Path, root: Path) -> SourceFile | Problem:
    shown = show(path, root)
    try:
        return SourceFile(shown, path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return Problem(f"{shown} doesn't exist", hint="name the SQL files that make your schema")
    except IsADirectoryError:
        hint = "name its SQL files in their order, or --migrations for a folder of migrations"
        return Problem(f"{shown} is a folder", hint=hint)
    except OSError as error:
        hint = "look at its permissions"
        return Problem(f"{shown} can't be read: {error.strerror}", hint=hint)
    except UnicodeDecodeError:
        return Problem(f"{shown} isn't UTF-8", hint="save it as UTF-8")


def _options(project: Project) -> Options:
    return Options(
        package=project.package,
        types=project.types,
        classes=Classes(
            (project.root, project.root / "src", *map(Path, sys.path)), project.package
        ),
        names=project.names,
        renames=project.renames,
        exact_table_names=project.exact_table_names,
    )


def _naming(package: Package, methods: dict[int, Method]) -> Naming:
    def parameter(query: Query, index: int) -> str:
        argument = methods[id(query)].arguments[index]
        return plain(optional(argument.type.given, argument.nullable))

    def column(query: Query, column: Column) -> str:
        found = package.planner.column(query, column)
        return "Any" if found is None else plain(optional(found.read, column.nullable))

    def row(query: Query) -> str | None:
        found = methods[id(query)].row
        return None if found is None or found.shape is None else found.shape.class_.name

    return Naming(parameter, column, row)
