"""Facts → Python: the files of a generated package, and their way to the disk."""

from collections.abc import Sequence

from salacia_db.codegen.emit.files import File, diff, write
from salacia_db.codegen.emit.package import Options, Package, render
from salacia_db.codegen.facts import Query, Schema
from salacia_db.codegen.problems import Problem

__all__ = ["File", "Options", "diff", "emit", "write"]


def emit(
    queries: Sequence[Query], schema: Schema, options: Options
) -> tuple[list[File], list[Problem]]:
    """The files of the package, sorted by path, and what is wrong; no files where an error is.

    The same facts give the same bytes, whatever the order of the queries' groups.
    """
    package = Package(queries, schema, options)
    problems = package.problems
    if any(problem.severity == "error" for problem in problems):
        return [], problems
    return render(package), problems
