"""The look at the role that is taken as a database opens, and the search_path that it stands on."""

import logging
from collections.abc import AsyncIterator
from typing import ClassVar

import asyncpg
import pytest
from items import Database as Items

from salacia_db import ConfigurationError, Database

SECURITY = "salacia_db.security"


class Pinned(Items):
    search_path: ClassVar[tuple[str, ...]] = ("public",)


@pytest.fixture
async def owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser; beside it are `app`, `tenants` (who bypasses RLS) and `mallory`."""
    connection = await asyncpg.connect(url)
    for role in ("app", "tenants", "mallory"):
        await connection.execute(
            f"do $$ begin create role {role} login; "
            "exception when duplicate_object or unique_violation then null; end $$"
        )
    await connection.execute(
        "alter role tenants bypassrls; revoke create on schema public from public; "
        "grant select on all tables in schema public to app, tenants, mallory"
    )
    yield connection
    await connection.execute("alter role app reset search_path")
    await connection.close()


def of(role: str, url: str) -> str:
    return url.replace("://postgres@", f"://{role}@", 1)


@pytest.mark.usefixtures("owner")
async def test_each_finding_is_logged_once(url: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING, SECURITY)
    for role, told in (("postgres", "is a superuser"), ("tenants", "has BYPASSRLS")):
        async with Database(of(role, url), role_check="warn", pool_min=3) as db:
            await db.fetchval("select 1")
        assert [told in record.getMessage() for record in caplog.records] == [True]
        caplog.clear()
    async with Database(of("app", url), role_check="warn"):
        assert not caplog.records


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(("profile", "logged"), [("production", 1), ("development", 0)])
async def test_production_looks_by_itself(
    url: str, caplog: pytest.LogCaptureFixture, profile, logged: int
):
    async with Database(url, profile=profile):
        assert len(caplog.records) == logged


@pytest.mark.usefixtures("owner")
async def test_what_is_unsafe_can_be_refused(url: str):
    db = Database(url, role_check="refuse")
    with pytest.raises(ConfigurationError, match="the role postgres is a superuser"):
        await db.open()
    assert not db.pool.connections
    async with Database(of("app", url), role_check="refuse"):
        pass


@pytest.mark.usefixtures("owner")
async def test_it_costs_no_round_trip_for_further_connections(url: str, bystander):
    async with Database(of("app", url), role_check="refuse", pool_min=3):
        last = await bystander.fetch(
            "select query from pg_stat_activity "
            "where usename = 'app' and datname = current_database()"
        )
    assert sum("role_check" in row["query"] for row in last) == 1
    assert len(last) == 3


# --- search_path ----------------------------------------------------------------------------------


async def test_a_schema_earlier_in_the_path_hides_nothing(url: str, owner: asyncpg.Connection):
    """Who may create schemas makes one of the role's name, in which "$user" would look first."""
    await owner.execute(
        "insert into item (id, name) values (1, 'right'); create schema app authorization mallory"
    )
    mallory = await asyncpg.connect(of("mallory", url))
    await mallory.execute(
        "create table app.item as select 1 as id, 'wrong'::text as name, 0 as amount, "
        "null::jsonb as note; grant usage on schema app to app; grant select on app.item to app"
    )
    await mallory.close()
    async with Items(of("app", url), search_path="server") as db:
        assert [item.name for item in await db.items.list()] == ["wrong"]
    async with Pinned(of("app", url)) as db:
        assert [item.name for item in await db.items.list()] == ["right"]
        async with db.unit_of_work() as uow:
            assert [item.name for item in await uow.items.list()] == ["right"]
        await db.execute("set search_path = app")
        assert [item.name for item in await db.items.list()] == ["right"]


async def test_the_role_s_own_path_does_not_count(url: str, owner: asyncpg.Connection):
    await owner.execute("alter role app set search_path = pg_catalog")
    async with Pinned(of("app", url)) as db:
        assert await db.items.list() == []
        assert await db.fetchval("show search_path") == '"public", pg_temp'


async def test_a_temporary_table_hides_nothing(url: str, owner: asyncpg.Connection):
    await owner.execute("insert into item (id, name) values (1, 'right')")
    hide = "create temp table item (id int, name text, amount int, note jsonb)"
    for database, found in ((Items, []), (Pinned, ["right"])):
        async with database(of("app", url)) as db, db.unit_of_work() as uow:
            await uow.execute(hide)
            assert [item.name for item in await uow.items.list()] == found


async def test_a_function_in_the_path_is_an_attack_that_is_refused(
    url: str, owner: asyncpg.Connection
):
    """Exactly fitting functions win over PostgreSQL's own, wherever they are in the path."""
    attack = "select lower('Right'::varchar)"
    await owner.execute("grant create on schema public to public")
    mallory = await asyncpg.connect(of("mallory", url))
    await mallory.execute(
        "create function public.lower(varchar) returns text language sql as $$ select 'wrong' $$"
    )
    async with Pinned(of("app", url)) as db:
        assert await db.fetchval(attack) == "wrong"
    refused = 'REVOKE CREATE ON SCHEMA "public" FROM PUBLIC'
    with pytest.raises(ConfigurationError, match=refused):
        await Pinned(of("app", url), role_check="refuse").open()
    # The advice is right.
    await owner.execute(refused)
    await owner.execute("drop function public.lower(varchar)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await mallory.execute(
            "create function public.lower(varchar) returns text language sql as $$ select '' $$"
        )
    await mallory.close()
    async with Pinned(of("app", url), role_check="refuse") as db:
        assert await db.fetchval(attack) == "right"


async def test_what_opens_a_connection_is_not_taken_in(url: str, owner: asyncpg.Connection):
    """The statements of ours that run in every session name their functions with the schema."""
    await owner.execute("grant create on schema public to public")
    mallory = await asyncpg.connect(of("mallory", url))
    for function in ("concat_ws(text, text, numeric, numeric)", "concat_ws(text, numeric, text)"):
        await mallory.execute(
            f"create function public.{function} returns text language sql as $$ select 'wrong' $$"
        )
    await mallory.execute(
        "create function public.eq(name, name) returns bool language sql as $$ select true $$; "
        "create operator public.= (leftarg = name, rightarg = name, function = public.eq)"
    )
    await mallory.close()
    async with Pinned(url, role_check="off") as db, db.unit_of_work() as uow:
        await uow.execute("select 1")
        connection = uow.session.transaction.connection
        assert connection is not None
        assert "wrong" not in str(connection.incarnation)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("a b", 'c"d', "public"), '"a b", "c""d", public, pg_temp'),
        (("x, pg_catalog",), '"x, pg_catalog", pg_temp'),
        (("Éè; drop table item",), '"Éè; drop table item", pg_temp'),
    ],
)
async def test_other_schemas_can_be_named(url: str, path: tuple[str, ...], shown: str):
    async with Pinned(url, search_path=path) as db:
        found = await db.fetchval("show search_path")
        assert found.replace('"public"', "public") == shown
        async with db.unit_of_work() as uow:
            await uow.execute("set search_path = pg_catalog")
        assert await db.fetchval("show search_path") == found
    async with Pinned(f"{url}&search_path=pg_catalog") as db:
        assert await db.fetchval("show search_path") == "pg_catalog"
