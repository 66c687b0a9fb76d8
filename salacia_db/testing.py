"""A pytest plugin: a real database for each test of a project that salacia generates code for.

    # conftest.py
    pytest_plugins = ["salacia_db.testing"]

It needs pytest-asyncio and the project's `[tool.salacia]` in pyproject.toml. A server is started
for the session, the schema is brought to a template database once, and tests ask for

- `db`: the project's `Database` on one connection inside a transaction that is rolled back after
  the test. Units of work are savepoints, and after-commit hooks run where the test's outermost
  unit ends. It takes about a millisecond or two.
- `db_real`: a `Database` with a pool and true commits, on a copy of the template of its own, for
  tests that need several connections. It takes some tens of milliseconds.

Both connect as an ordinary role that may read and write every table but owns none, so that
row-level security is in force. `salacia_hooks` may be overridden to give either of them hooks.
"""

import importlib
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
import pytest_asyncio
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.factories import (
    postgresql_noproc,  # pyright: ignore[reportUnknownVariableType]
)

from salacia_db.codegen.pipeline import load_schema
from salacia_db.codegen.project import Project
from salacia_db.codegen.sqlc import load_projects
from salacia_db.postgres.connection import Connection, connect, identifier, script, with_database
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases, scratch_server
from salacia_db.runtime import Database, Hooks
from salacia_db.runtime.pinned import pin

ROLE = "salacia_test"
"""The ordinary role that tests connect as."""

_root = Path()


def pytest_configure(config: pytest.Config) -> None:
    """Note the folder that pytest runs in, which is where the project is."""
    global _root
    _root = config.rootpath


class ServerForTests(NamedTuple):
    """A server for tests, as pytest-postgresql's `depends_on` wants it."""

    host: str
    port: int
    user: str
    password: str | None = None
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None


@pytest.fixture(scope="session")
def salacia_project() -> Project:
    """The project under test, of the folder that pytest runs in: by [tool.salacia] or sqlc.yaml.

    Override it where sqlc.yaml names several packages: the first of them is taken.
    """
    return load_projects(_root, {}).projects[0]


@pytest.fixture(scope="session")
def salacia_server() -> ServerForTests:
    """A scratch server, gone with the test session."""
    server = scratch_server()
    return ServerForTests(server.host, server.port, server.user)


def _load(host: str, port: int, user: str, dbname: str, **_: object) -> None:
    """Bring the project's schema to the template database, and let the ordinary role use it."""
    url = with_database(scratch_server().url(), dbname)
    load_schema(load_projects(_root, {}).projects[0], url)
    connection = connect(url)
    try:
        _grant(connection)
    finally:
        connection.close()


salacia_template = postgresql_noproc(
    depends_on="salacia_server", dbname="salacia_tests", load=[_load]
)


@pytest.fixture(scope="session")
def salacia_databases(salacia_template: NoopExecutor) -> Generator[ScratchDatabases]:
    """Makes copies of the template; what is left of them goes with the session."""
    with scratch_databases(scratch_server().url()) as databases:
        yield databases


@pytest.fixture(scope="session")
def salacia_database_url(
    salacia_databases: ScratchDatabases, salacia_template: NoopExecutor
) -> str:
    """The database in which every test is rolled back, for the ordinary role."""
    return _for_role(salacia_databases.create(template=_template_url(salacia_template)))


@pytest.fixture
def salacia_hooks() -> Hooks | None:
    """The hooks of `db` and `db_real`; override it to test with hooks."""
    return None


@pytest_asyncio.fixture
async def db(
    salacia_project: Project, salacia_database_url: str, salacia_hooks: Hooks | None
) -> AsyncGenerator[Database[Any]]:
    """The project's database; whatever the test writes is rolled back."""
    connection = await asyncpg.connect(salacia_database_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield pin(_database_class(salacia_project), connection, hooks=salacia_hooks)
        finally:
            if not connection.is_closed():
                await transaction.rollback()
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def db_real(
    salacia_project: Project,
    salacia_databases: ScratchDatabases,
    salacia_template: NoopExecutor,
    salacia_hooks: Hooks | None,
) -> AsyncGenerator[Database[Any]]:
    """The project's database on a copy of its own, with several connections and true commits."""
    url = salacia_databases.create(template=_template_url(salacia_template))
    try:
        database = _database_class(salacia_project)
        async with database(_for_role(url), profile="test", hooks=salacia_hooks) as opened:
            yield opened
    finally:
        salacia_databases.drop(url)


def _database_class(project: Project) -> type[Database[Any]]:
    try:
        package = importlib.import_module(project.package)
    except ModuleNotFoundError as error:
        if error.name != project.package:
            raise
        pytest.fail(
            f"the package {project.package!r} can't be imported: run `salacia generate`, and add "
            f"{project.out.parent} to pytest's `pythonpath` unless the package is installed",
            pytrace=False,
        )
    database: type[Database[Any]] = package.Database
    return database


def _template_url(template: NoopExecutor) -> str:
    return with_database(scratch_server().url(), template.template_dbname)


def _for_role(url: str) -> str:
    superuser = scratch_server().user
    return url.replace(f"//{superuser}@", f"//{ROLE}@", 1)


def _grant(connection: Connection) -> None:
    role = identifier(ROLE)
    if not connection.execute("select from pg_roles where rolname = %s", (ROLE,)).fetchall():
        connection.execute(script(f"create role {role} login"))
    schemas = connection.execute(
        "select nspname from pg_namespace"
        " where nspname !~ '^pg_' and nspname not in ('information_schema', 'salacia_migrations')"
    ).fetchall()
    for (name,) in schemas:
        schema = identifier(name)
        connection.execute(script(f"grant usage on schema {schema} to {role}"))
        for kind in ("tables", "sequences", "routines"):
            statement = f"grant all on all {kind} in schema {schema} to {role}"
            connection.execute(script(statement))
