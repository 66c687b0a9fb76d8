"""Files and folders of SQL to statements: what is read, and which group it belongs to."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from salacia_db.codegen.facts import Dialect, SourceFile, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.inclusion import included
from salacia_db.codegen.source.names import group_name, identity, python_name
from salacia_db.codegen.source.statements import parse_file


class _Found(Struct, frozen=True):
    path: Path
    schema: str | None


def read_queries(
    paths: Sequence[Path], dialect: Dialect, root: Path
) -> tuple[list[Statement], list[Problem]]:
    """The statements of some files and folders, and every problem found on the way.

    A folder holds `<group>.sql` and `<schema>/<group>.sql`; a file given by itself has no schema.
    Paths are shown relative to `root`. Files are read in order of their paths, as UTF-8.
    """
    statements: list[Statement] = []
    problems: list[Problem] = []
    groups: dict[tuple[str | None, str], SourceFile] = {}
    for found in _unique(_discover(paths, root, problems)):
        shown = show(found.path, root)
        file = _read(found.path, shown)
        if isinstance(file, Problem):
            problems.append(file)
            continue
        beginning = Span(file, 0, 0)
        group = group_name(found.path)
        if group is None:
            hint = "begin with a letter and go on with letters, digits and underscores"
            message = f"`{found.path.stem}` can't be the name of a group"
            problems.append(Problem(message, beginning, hint))
            continue
        schema = identity(found.schema) if found.schema else None
        first = groups.setdefault((schema, identity(group)), file)
        if first is not file:
            message = f"{first.path} and {shown} are both the group `{group}`"
            problems.append(Problem(message, beginning, "rename one of them"))
            continue
        read, wrong = parse_file(file, group, found.schema, dialect)
        if not read and not wrong:
            hint = "begin a statement with `-- name: get :one`"
            wrong = [Problem(f"no statement in {shown}", beginning, hint, "warning")]
        statements += read
        problems += wrong
    complete, wrong = included(statements)
    return complete, problems + wrong


def show(path: Path, root: Path) -> str:
    """The path as people see it: relative to `root` where it lies under it."""
    full, base = Path(os.path.abspath(path)), Path(os.path.abspath(root))
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else path.as_posix()


def _discover(paths: Sequence[Path], root: Path, problems: list[Problem]) -> Iterator[_Found]:
    for path in paths:
        if path.is_file():
            yield _Found(path, None)
        elif path.is_dir():
            before = len(problems)
            found = list(_folder(path, root, problems))
            if not found and len(problems) == before:
                message = f"no .sql files in {show(path, root)}"
                problems.append(
                    Problem(message, hint="name the folder or the files of your queries")
                )
            yield from found
        else:
            message = f"{show(path, root)} doesn't exist"
            problems.append(Problem(message, hint="name the folder or the files of your queries"))


def _folder(folder: Path, root: Path, problems: list[Problem]) -> Iterator[_Found]:
    for entry in _entries(folder):
        if _is_sql(entry):
            yield _Found(entry, None)
        elif entry.is_dir():
            inside = _entries(entry)
            for inner in inside:
                if inner.is_dir() and any(_is_sql(deep) for deep in inner.rglob("*")):
                    message = f"{show(inner, root)} lies too deep"
                    hint = "queries stand in a folder or in one folder per schema under it"
                    problems.append(Problem(message, hint=hint))
            files = [inner for inner in inside if _is_sql(inner)]
            if files and python_name(entry.name) is None:
                message = f"`{entry.name}` can't be the name of a schema's folder"
                hint = "begin with a letter and go on with letters, digits and underscores"
                problems.append(Problem(message, hint=f"{hint}: {show(entry, root)}"))
                continue
            yield from (_Found(inner, entry.name) for inner in files)


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_sql(path: Path) -> bool:
    return path.suffix.lower() == ".sql" and path.is_file()


def _unique(found: Iterable[_Found]) -> Iterator[_Found]:
    seen: set[Path] = set()
    for one in found:
        real = one.path.resolve()
        if real not in seen:
            seen.add(real)
            yield one


def _read(path: Path, shown: str) -> SourceFile | Problem:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Problem(f"{shown} can't be read: {error.strerror}", hint="look at its permissions")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        broken = SourceFile(shown, data.decode("utf-8", "replace"))
        at = len(data[: error.start].decode("utf-8", "replace"))
        return Problem("the file isn't UTF-8", Span(broken, at, at + 1), "save it as UTF-8")
    # The same statements whatever a checkout makes of line ends.
    return SourceFile(shown, text.replace("\r\n", "\n"))
