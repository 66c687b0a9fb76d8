"""What sqlc's configuration says, as projects of ours: one for each package."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from salacia_db.codegen.facts import Span
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.project import (
    Project,
    Settings,
    find_settings,
    find_sqlc_file,
    is_package_name,
    load_project,
)
from salacia_db.codegen.sqlc.document import read_document
from salacia_db.codegen.sqlc.entries import Entry, read_entries
from salacia_db.codegen.sqlc.migrations import sql_files

_PLACES = ("migrations", "schema", "queries")


class Loaded(Struct, frozen=True):
    """The projects of a folder, and what is to be warned of. `file` is sqlc's, if it named them."""

    projects: tuple[Project, ...]
    problems: tuple[Problem, ...] = ()
    file: Path | None = None


def load_projects(folder: Path, flags: Mapping[str, Any]) -> Loaded:
    """What there is to generate in `folder`: by the flags, [tool.salacia] or sqlc's own file.

    sqlc's file is asked where neither flags nor [tool.salacia] say where schema and queries are.
    Raises ProblemsError where the settings can't be understood.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    file = find_sqlc_file(folder)
    if file is None or given.keys() & {*_PLACES} or given.get("dialect") == "salacia":
        return Loaded((load_project(folder, flags),))
    settings, base = find_settings(folder)
    own = base.resolve() == folder.resolve()
    if own and (settings.migrations is not None or settings.schema):
        return Loaded((load_project(folder, flags),))
    problems: list[Problem] = []
    document = read_document(file, file.name, problems)
    entries = read_entries(document, problems)
    loader = _Loader(folder, settings if own else Settings(), given, problems)
    made = [(entry, loader.project(entry, len(entries))) for entry in entries]
    found = [(entry, project) for entry, project in made if project is not None]
    _check_folders(found, problems)
    # What several packages share is read for each of them, and told once.
    once = {(0 if p.at is None else p.at.start, p.message): p for p in problems}
    told = tuple(once[place] for place in sorted(once))
    if any(problem.severity == "error" for problem in told):
        raise ProblemsError(*told)
    return Loaded(tuple(project for _, project in found), told, file)


class _Loader:
    """Makes projects of entries; what is wrong with one doesn't keep the others from it."""

    def __init__(
        self, folder: Path, settings: Settings, given: Mapping[str, Any], problems: list[Problem]
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._given = given
        self._problems = problems

    def project(self, entry: Entry, count: int) -> Project | None:
        """The project of one entry; None where a problem stands in its way."""
        before = len(self._problems)
        url = self._given.get("database_url") or self._settings.database_url
        schema = self._files(entry, "schema", entry.schema)
        queries = self._files(entry, "queries", entry.queries)
        if not queries and len(self._problems) == before:
            self._report("no queries are named", entry.at, "write `queries: query.sql`")
        if not schema and url is None and len(self._problems) == before:
            hint = "write `schema: schema.sql`, or name a database with --database-url"
            self._report("no schema is named", entry.at, hint)
        out = self._out(entry, count)
        if out is None or any(p.severity == "error" for p in self._problems[before:]):
            return None
        return Project(
            root=self._folder,
            package=out.name,
            out=out,
            migrations=None,
            schema=tuple(schema),
            database_url=url,
            queries=tuple(queries),
            dialect="sqlc",
            # What a person has written for us stands above what was written for sqlc.
            types={**entry.types, **self._settings.types},
            names=self._settings.names,
            renames=entry.renames,
            exact_table_names=entry.exact_table_names,
        )

    def _files(self, entry: Entry, what: str, paths: list[tuple[str, Span]]) -> list[Path]:
        found: list[Path] = []
        for path, at in paths:
            files = sql_files(self._folder, path)
            if files is None:
                self._report(f"there is nothing at {path}", at, f"name the files of the {what}")
            elif not files:
                self._report(f"no .sql files in {path}", at, f"name the files of the {what}")
            else:
                found += [file for file in files if file not in found]
        return found

    def _out(self, entry: Entry, count: int) -> Path | None:
        chosen = self._given.get("out") or self._settings.out
        if chosen is not None and count > 1:
            message = f"one folder for the {count} packages of sqlc's file"
            hint = "leave out `--out`, or keep one of the packages"
            self._report(message, entry.at, hint)
            return None
        if chosen is not None:
            return self._named(self._folder / chosen, entry)
        wanted = (entry.package or Path(entry.out or "").name or entry.name or "").rpartition(".")[
            2
        ]
        if not is_package_name(wanted):
            wanted = wanted.replace("-", "_")
        ours = self._folder / "generated" / (wanted or "database")
        if not entry.python or entry.out is None:
            return self._named(ours, entry)
        out = Path(os.path.normpath(self._folder / entry.out))
        if not is_package_name(out.name) or out == self._folder:
            out = out / (wanted or "database")
        elif wanted and wanted != out.name:
            message = f"the package is called `{out.name}`, as its folder is"
            hint = f"give the folder the name `{wanted}`, or the package that of the folder"
            self._problems.append(Problem(message, entry.package_at, hint, "warning"))
        if not _is_free(out):
            message = f"{entry.out} holds files that salacia has not written"
            hint = f"the package goes to generated/{ours.name}; remove sqlc's own to have it there"
            self._problems.append(Problem(message, entry.out_at, hint, "warning"))
            out = ours
        return self._named(out, entry)

    def _named(self, out: Path, entry: Entry) -> Path | None:
        name = Path(os.path.normpath(out)).name
        if is_package_name(name):
            return out
        message = f"{name!r} can't be the name of a Python package"
        hint = "it needs a name of letters, digits and underscores, and no keyword"
        self._report(message, entry.package_at, hint)
        return None

    def _report(self, message: str, at: Span | None, hint: str) -> None:
        self._problems.append(Problem(message, at, hint))


def _is_free(out: Path) -> bool:
    """Whether nobody else's code stands in the folder."""
    if not out.is_dir():
        return True
    files = [entry for entry in out.iterdir() if entry.name != "__pycache__"]
    return not files or any(_is_ours(file) for file in files)


def _is_ours(file: Path) -> bool:
    if file.suffix != ".py" or not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.readline().startswith(b"# Generated by salacia")


def _check_folders(found: list[tuple[Entry, Project]], problems: list[Problem]) -> None:
    """Report two packages that would be written to one folder."""
    taken: dict[str, Entry] = {}
    for entry, project in found:
        folder = os.path.normpath(project.out)
        if taken.setdefault(folder, entry) is not entry:
            message = (
                f"a second package would be written to {os.path.relpath(folder, project.root)}"
            )
            problems.append(Problem(message, entry.package_at, "give one of them another name"))
