"""Where a schema comes from: a live database, a server to borrow, a dump as pg_dump wrote it."""

import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from commands import FLAGS, QUERIES, SCHEMA, Folder

from salacia_db.config import EMBEDDED_DATABASE
from salacia_db.postgres import data_folder, embedded_url, stop_durable
from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import find_binaries
from salacia_db.postgres.scratch import ScratchDatabases

BUSY_SCHEMA = """
create role dump_owner;
create role "dump reader";
create extension pg_trgm;
create schema billing authorization dump_owner;
create type billing.state as enum ('open', 'it''s paid');
create domain billing.money_amount as numeric(12, 2) check (value >= 0);
create function billing.touch() returns trigger language plpgsql as $body$
begin
  -- a semicolon; and a 'quote in a comment
  new.changed_at := now();
  return new;
end
$body$;
create function billing.double(a int) returns int immutable begin atomic; select a * 2; end;
create table billing.invoices (
  id bigint generated always as identity,
  at timestamptz not null,
  amount billing.money_amount not null,
  state billing.state not null default 'open',
  changed_at timestamptz,
  note text default 'a; b -- c',
  primary key (id, at)
) partition by range (at);
create table billing.invoices_2026 partition of billing.invoices
  for values from ('2026-01-01') to ('2027-01-01');
create table billing.invoices_rest partition of billing.invoices default;
create trigger touch before update on billing.invoices
  for each row execute function billing.touch();
create view billing.open_invoices as select id, amount from billing.invoices where state = 'open';
create materialized view billing.totals as select count(*) as n from billing.invoices;
create index on billing.invoices using gin (note gin_trgm_ops);
create policy mine on billing.invoices for select to "dump reader" using (true);
alter table billing.invoices enable row level security;
alter table billing.invoices owner to dump_owner;
grant select on billing.invoices to "dump reader";
alter default privileges in schema billing grant select on tables to "dump reader";
comment on table billing.invoices is 'What somebody owes; "quoted" -- and commented.';
comment on column billing.invoices.amount is E'In euros.\\nNever negative.';
"""
BUSY_QUERIES = """\
-- name: open :many
select i from billing.invoices i where state = :state and billing.double(1) = 2;

-- name: pay :exec
update billing.invoices set state = 'it''s paid' where id = :id;

-- name: seen :many
select * from billing.open_invoices;
"""


@pytest.fixture
def busy(database: str) -> str:
    """A database with much in it that a dump has to tell."""
    with psycopg.connect(database, autocommit=True) as connection:
        # Roles belong to the server and outlive the database.
        for role in ("dump_owner", "dump reader"):
            connection.execute(
                f'do $$ begin drop role if exists "{role}"; exception when others then end $$'
            )
        connection.execute(BUSY_SCHEMA)
    return database


@pytest.fixture
def dump(busy: str) -> str:
    """What `pg_dump -s` writes of it."""
    program = find_binaries(server_account()).program("pg_dump")
    done = subprocess.run(
        [program, "-s", f"--dbname={busy}"], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def names(databases: ScratchDatabases) -> Callable[[str], set[str]]:
    """The databases of the server of a URL."""

    def ask(url: str) -> set[str]:
        with psycopg.connect(url) as connection:
            return {row[0] for row in connection.execute("select datname from pg_database")}

    return ask


def test_a_database_is_read_as_it_is(empty: Folder, database: str, names: Callable):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("insert into customers values (gen_random_uuid(), 'Ada', null)")
    empty.write("customers.sql", QUERIES)
    before = names(database)
    flags = ("--database-url", database, "--queries", "customers.sql", "--out", "app")

    assert empty.salacia("generate", *flags).status == 0
    assert "class Customer(Struct" in empty.read("app/models.py")
    assert empty.salacia("generate", "--check", *flags).status == 0

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table customers add column born date")
    assert empty.salacia("generate", "--check", *flags).status == 1
    assert names(database) == before
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from customers").fetchone() == (1,)


def test_a_database_and_a_file_of_the_same_schema_give_the_same_package(
    bare: Folder, database: str
):
    bare.salacia("generate", *FLAGS)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA)
    flags = ("--database-url", database, "--queries", "customers.sql", "--out", "app")
    assert bare.salacia("generate", "--check", *flags).status == 0


def test_a_server_is_borrowed_for_a_schema_file(bare: Folder, database: str, names: Callable):
    """A scratch database is made there and dropped; the one that the URL names is not touched."""
    before = names(database)

    assert bare.salacia("generate", "--database-url", database, *FLAGS).status == 0
    assert names(database) == before
    bare.write("schema.sql", SCHEMA + "creat;")
    assert bare.salacia("generate", "--database-url", database, *FLAGS).status == 1
    assert names(database) == before
    with psycopg.connect(database) as connection:
        found = connection.execute("select count(*) from pg_tables where schemaname = 'public'")
        assert found.fetchone() == (0,)


def test_it_is_seen_to_be_made(bare: Folder, database: str):
    bare.write("schema.sql", "do $$ begin raise exception '%', current_database(); end $$;")
    result = bare.salacia("generate", "--database-url", database, *FLAGS)
    assert "error: salacia_scratch_" in result.err
    assert urlsplit(database).path[1:] not in result.err


def test_a_dump_is_read_as_it_is(empty: Folder, dump: str):
    assert "\\restrict" in dump
    assert "OWNER TO dump_owner" in dump
    # Nobody has heard of these roles here.
    dump = dump.replace("dump_owner", "nobody_knows").replace("dump reader", "no such reader")
    empty.write("schema.sql", dump)
    empty.write("customers.sql", BUSY_QUERIES)

    result = empty.salacia("generate", *FLAGS)

    assert (result.status, result.err) == (0, "")
    models = empty.read("app/models.py")
    assert '"""What somebody owes; "quoted" -- and commented."""' in models
    assert "In euros." in models
    assert "class Invoices2026" not in models
    assert "def open(" in empty.read("app/customers.py")


def test_a_dump_and_its_database_give_the_same_package(empty: Folder, dump: str, busy: str):
    empty.write("schema.sql", dump)
    empty.write("customers.sql", BUSY_QUERIES)
    empty.salacia("generate", *FLAGS)
    flags = ("--database-url", busy, "--queries", "customers.sql", "--out", "app")
    assert empty.salacia("generate", "--check", *flags) == (0, "app: current\n", "")


def test_a_dump_is_read_on_a_borrowed_server_too(empty: Folder, dump: str, database: str):
    empty.write("schema.sql", dump.replace("dump_owner", "who").replace("dump reader", "reader"))
    empty.write("customers.sql", BUSY_QUERIES)
    result = empty.salacia("generate", "--database-url", database, *FLAGS)
    with psycopg.connect(database) as connection:
        made = connection.execute("select count(*) from pg_roles where rolname in ('who','reader')")
        assert made.fetchone() == (0,)
    # A policy for an unknown role can't be made; that is told, and nothing else is.
    assert [line for line in result.err.splitlines() if "error:" in line] in (
        [],
        [line for line in result.err.splitlines() if 'role "reader" does not exist' in line],
    )


def test_migrations_are_a_schema(empty: Folder):
    empty.write("migrations/0001_start.sql", SCHEMA)
    empty.write("migrations/0001_start.rollback.sql", "drop table customers;")
    empty.write("migrations/0002_more.sql", "alter table customers add column born date;")
    empty.write("customers.sql", QUERIES)
    flags = ("--migrations", "migrations", "--queries", "customers.sql", "--out", "app")

    result = empty.salacia("generate", *flags)

    assert (result.status, result.err) == (0, "")
    assert "born: date | None" in empty.read("app/models.py")
    assert "yoyo" not in empty.read("app/models.py").lower()
    before = empty.tree()
    empty.replace("migrations/0002_more.sql", "born", "burn")
    assert empty.salacia("generate", "--check", *flags).status == 1
    empty.replace("migrations/0002_more.sql", "burn", "born")
    assert empty.tree().contents == before.contents


def test_several_schema_files_run_in_their_order(empty: Folder):
    empty.write("b.sql", SCHEMA)
    empty.write("a.sql", "alter table customers add column born date;")
    empty.write("customers.sql", QUERIES)
    more = ("--queries", "customers.sql", "--out", "app")
    assert empty.salacia("generate", "--schema", "b.sql", "a.sql", *more).status == 0
    result = empty.salacia("generate", "--schema", "a.sql", "b.sql", *more)
    assert result.err.startswith('a.sql:1:1: error: relation "customers" does not exist')


def test_a_server_that_is_not_there_is_an_error(bare: Folder):
    for url in (
        "postgresql://127.0.0.1:1/nothing",
        "postgresql://nowhere.invalid/x",
        "mysql://localhost/x",
        "not a url",
        "postgresql://[::1",
        "",
    ):
        for flags in (FLAGS, ("--queries", "customers.sql", "--out", "app")):
            result = bare.salacia("generate", "--database-url", url, *flags)
            assert (result.status, result.out) == (1, ""), url
            assert "error: " in result.err
    assert not (bare.path / "app").exists()


def test_the_development_server_is_a_database_like_another(
    project: Folder, monkeypatch: pytest.MonkeyPatch
):
    url = f"embedded://{project.path / '.salacia' / 'postgres'}"
    try:
        first = project.salacia("generate", "--database-url", url)
        assert first.status == 1
        assert 'relation "customers" does not exist' in first.err
        with psycopg.connect(embedded_url(url, EMBEDDED_DATABASE), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        found = project.salacia("generate", "--database-url", url)
        assert (found.status, found.err) == (0, "")
    finally:
        stop_durable(data_folder(url))
