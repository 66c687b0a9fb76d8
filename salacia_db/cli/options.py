"""The flags that commands share."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from salacia_db.config import EMBEDDED_DATABASE

if TYPE_CHECKING:
    from salacia_db.codegen.project import Project
    from salacia_db.codegen.sqlc import Loaded

# argparse has no public name for what add_subparsers() returns.
Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # pyright: ignore[reportPrivateUsage]

PROJECT_FLAGS = ("migrations", "schema", "database_url", "queries", "out", "dialect")


def add_project_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where schema, queries and output are; pyproject.toml says the rest."""
    schema = parser.add_argument_group(
        "schema", "where tables and types come from (default: [tool.salacia] in pyproject.toml)"
    )
    schema.add_argument("--migrations", metavar="DIR", help="a folder of yoyo migrations")
    schema.add_argument(
        "--schema", metavar="FILE", nargs="+", help="SQL files, in this order; also a pg_dump -s"
    )
    schema.add_argument(
        "--database-url",
        metavar="URL",
        help="alone: read this database's schema as it is; with --migrations or --schema: "
        "make a scratch database on this server instead of the embedded one",
    )
    parser.add_argument(
        "--queries", metavar="PATH", nargs="+", help="SQL files, or folders of them"
    )
    parser.add_argument("--out", metavar="DIR", help="the package to write; its name is DIR's")
    parser.add_argument(
        "--dialect", choices=("salacia", "sqlc"), help="how parameters and annotations are written"
    )


def projects(options: argparse.Namespace) -> "Loaded":
    """The projects that the flags and the current folder name. Raises ProblemsError."""
    from salacia_db.codegen.sqlc import load_projects

    loaded = load_projects(Path.cwd(), {name: getattr(options, name) for name in PROJECT_FLAGS})
    return replace(loaded, projects=tuple(map(_reachable, loaded.projects)))


def _reachable(project: "Project") -> "Project":
    """The project with the plain URL of the development server, where it names that."""
    url = project.database_url
    if url is None or not url.startswith("embedded:"):
        return project
    from salacia_db.postgres import embedded_url

    return replace(project, database_url=embedded_url(url, EMBEDDED_DATABASE))
