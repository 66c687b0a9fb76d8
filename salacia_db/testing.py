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
row-level security is in force. `salacia_hooks` may be overridden to give either of them hooks, and
`salacia_isolation` for units of work that ask `db` for more than READ COMMITTED.
"""

import importlib
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import asyncpg
import pytest
import pytest_asyncio
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.factories import (
    postgresql_noproc,  # pyright: ignore[reportUnknownVariableType]
)

from salacia_db.codegen.pipeline import load_schema
from salacia_db.codegen.project import Project
from salacia_db.codegen.sqlc import load_projects
from salacia_db.postgres.connection import (
    Connection,
    connect,
    database_name,
    identifier,
    script,
)
from salacia_db.postgres.migrations import BOOKKEEPING_SCHEMA
from salacia_db.postgres.scratch import ScratchDatabases, scratch_databases, scratch_server
from salacia_db.runtime import Database, Hooks, Isolation
from salacia_db.runtime.connections.extensions import TypedConnection
from salacia_db.runtime.pinned import pin

ROLE = "salacia_test"
"""The ordinary role that tests connect as."""

_root = Path()


def pytest_configure(config: pytest.Config) -> None:
    """Note the folder that pytest runs in, which is where the project is."""
    global _root
    _root = config.rootpath


class ServerForTests(NamedTuple):
    """A server for tests, as pytest-postgresql's `depends_on` wants it.

    `host` may be the folder of a Unix socket. `user` must be a superuser.
    """

    host: str
    port: int
    user: str
    password: str | None = None
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None

    def url(self, database: str, *, user: str | None = None) -> str:
        """The URL of a database of this server."""
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        credentials = quote(user or self.user, safe="") + password
        where = urlencode({"host": self.host, "port": self.port})
        return f"postgresql://{credentials}@/{quote(database, safe='')}?{where}"


@pytest.fixture(scope="session")
def salacia_project() -> Project:
    """The project under test: `[tool.salacia]` of the folder that pytest runs in."""
    return load_projects(_root, {}).projects[0]


@pytest.fixture(scope="session")
def salacia_server() -> ServerForTests:
    """A scratch server, gone with the test session; override it to test on another one."""
    server = scratch_server()
    return ServerForTests(server.host, server.port, server.user)


@pytest.fixture(scope="session")
def salacia_databases(salacia_server: ServerForTests) -> Generator[ScratchDatabases]:
    """Makes databases with random names; what is left of them goes with the session."""
    url = salacia_server.url(salacia_server.maintenance_dbname)
    with scratch_databases(url) as databases:
        yield databases


@pytest.fixture(scope="session")
def salacia_schema(
    salacia_project: Project, salacia_server: ServerForTests, salacia_databases: ScratchDatabases
) -> ServerForTests:
    """The server, with a database as template that has the project's schema."""
    url = salacia_databases.create()
    load_schema(salacia_project, url)
    connection = connect(url)
    try:
        _grant(connection, salacia_server.password)
    finally:
        connection.close()
    return salacia_server._replace(template_dbname=database_name(url))


salacia_template = postgresql_noproc(depends_on="salacia_schema", dbname="salacia_tests")


@pytest.fixture(scope="session")
def salacia_database_url(
    salacia_databases: ScratchDatabases,
    salacia_server: ServerForTests,
    salacia_template: NoopExecutor,
) -> str:
    """The database in which every test is rolled back, for the ordinary role."""
    return _copy(salacia_databases, salacia_server, salacia_template)[1]


@pytest.fixture
def salacia_hooks() -> Hooks | None:
    """The hooks of `db` and `db_real`; override it to test with hooks."""
    return None


@pytest.fixture
def salacia_isolation() -> Isolation:
    """How the transaction of `db` is isolated; units of work in it can't be more than that."""
    return "read committed"


@pytest_asyncio.fixture
async def db(
    salacia_project: Project,
    salacia_database_url: str,
    salacia_hooks: Hooks | None,
    salacia_isolation: Isolation,
) -> AsyncGenerator[Database[Any]]:
    """The project's database; whatever the test writes is rolled back."""
    # As the pool's connections read and write them: an extension's types are not plain text.
    connection = await asyncpg.connect(salacia_database_url, connection_class=TypedConnection)
    try:
        isolation: Any = salacia_isolation.replace(" ", "_")
        transaction = connection.transaction(isolation=isolation)
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
    salacia_server: ServerForTests,
    salacia_template: NoopExecutor,
    salacia_hooks: Hooks | None,
) -> AsyncGenerator[Database[Any]]:
    """The project's database on a copy of its own, with several connections and true commits."""
    url, for_role = _copy(salacia_databases, salacia_server, salacia_template)
    try:
        database = _database_class(salacia_project)
        async with database(for_role, profile="test", hooks=salacia_hooks) as opened:
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


def _copy(
    databases: ScratchDatabases, server: ServerForTests, template: NoopExecutor
) -> tuple[str, str]:
    """A new copy of the template: its URL for the superuser, and for the ordinary role."""
    url = databases.create(template=server.url(template.template_dbname))
    return url, server.url(database_name(url), user=ROLE)


def _grant(connection: Connection, password: str | None) -> None:
    role = identifier(ROLE)
    if not connection.execute("select from pg_roles where rolname = %s", (ROLE,)).fetchall():
        secret = "" if password is None else f" password {sql.Literal(password).as_string(None)}"
        connection.execute(script(f"create role {role} login{secret}"))
    schemas = connection.execute(
        "select nspname from pg_namespace"
        " where nspname !~ '^pg_' and nspname not in ('information_schema', %s)",
        (BOOKKEEPING_SCHEMA,),
    ).fetchall()
    for (name,) in schemas:
        schema = identifier(name)
        connection.execute(script(f"grant usage on schema {schema} to {role}"))
        for kind in ("tables", "sequences", "routines"):
            statement = f"grant all on all {kind} in schema {schema} to {role}"
            connection.execute(script(statement))
