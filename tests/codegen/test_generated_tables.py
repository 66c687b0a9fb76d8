"""Generated table objects and relations against PostgreSQL, for every kind of column and of key."""

import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import claims
import pytest

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import InvalidStatement, NotFound, UsageError
from salacia_db.runtime.finding import finder

FILL_KINDS = """
insert into things values
  (1, 'a', 'a@b', 'Word', 'wild', 'calm', (1, 'x'), '{1,null}', '[1, {"a": null}]', '{}', true,
   9.50, 'ab', '[1,5)', '10.0.0.1', '1 day', 'x', '2026-01-01Z');
insert into things (id, is_on) values (2, false);
insert into billing.accounts values (7, 1), (8, 1);
"""
FILL_RELATIONS = """
insert into tenants values (1), (2);
insert into users values (1, 1, null), (1, 2, 1), (2, 1, null);
insert into profiles values (1, 2);
insert into messages values
  ('00000000-0000-0000-0000-000000000001', 1, 1, 2, null),
  ('00000000-0000-0000-0000-000000000002', 1, 2, null, '00000000-0000-0000-0000-000000000001'),
  ('00000000-0000-0000-0000-000000000003', 2, 1, null, null);
insert into labels values ('all', null), ('old', 'all'), ('new', 'all');
insert into message_labels
select m.id, l.id from messages m, labels l where m.tenant_id = 1 and l.id <> 'all';
"""


@asynccontextmanager
async def generated(claim: str, fill: str, folder: Path) -> AsyncIterator[tuple[ModuleType, Any]]:
    """A claim's package, and a database of its schema with some rows."""
    assert claims.run(claim, folder).status == 0
    name = f"generated_{claim}"
    (folder / "app").rename(folder / name)
    sys.path.insert(0, str(folder))
    try:
        package = importlib.import_module(name)
        with scratch_database() as url:
            connection = await asyncpg.connect(url)
            await connection.execute((folder / "schema.sql").read_text())
            await connection.execute(fill)
            await connection.close()
            async with package.connect(url) as db:
                yield package, db
    finally:
        sys.path.remove(str(folder))


async def test_every_kind_of_column_is_compared(tmp_path: Path) -> None:
    async with generated("tables_of_every_kind", FILL_KINDS, tmp_path) as (package, db):
        things = package.tables.things
        full, empty = await db.find(package.Thing, order_by=things.id)
        columns = [getattr(things, field) for field in package.Thing.__struct_fields__]
        assert len(columns) == 19
        for column in columns:
            value = getattr(full, column.field)
            if column is things.plain:
                continue
            found = await db.find(package.Thing, where=column == value)
            assert found == [full], column
            if column.listed:
                assert await db.find(package.Thing, where=column.in_([value])) == [full], column
            else:
                with pytest.raises(UsageError, match="compare with each"):
                    column.in_([value])
            lacking = [empty] if getattr(empty, column.field) is None else []
            assert await db.find(package.Thing, where=column == None) == lacking, column  # noqa: E711
        with pytest.raises(InvalidStatement, match="operator does not exist: json"):
            await db.find(package.Thing, where=things.plain == {})


async def test_only_what_is_proven_counts_as_clean(tmp_path: Path) -> None:
    async with generated("tables_of_every_kind", FILL_KINDS, tmp_path) as (package, db):
        tables = package.tables

        def clean(model: Any, where: Any = None) -> bool:
            return finder.request(finder.source_of(model), "find", where)[0].clean

        assert clean(package.Thing, tables.things.mood == "calm")
        assert clean(package.WildThing)
        assert not clean(package.Thing, tables.things.word == "word")
        assert not clean(package.models.Secret)
        with pytest.raises(UsageError, match="Unreadable is no struct of a table"):
            await db.find(package.Unreadable)


async def test_a_table_of_another_schema_is_found_and_related(tmp_path: Path) -> None:
    async with generated("tables_of_every_kind", FILL_KINDS, tmp_path) as (package, db):
        accounts = package.tables.billing_accounts
        account = importlib.import_module(f"{package.__name__}.models.billing").Account
        rows = await db.find(account, order_by=accounts.id)
        owners = await db.relations.billing_accounts.load_thing(rows)
        assert [owner.id for owner in owners] == [1, 1]
        things = await db.find(package.Thing, order_by=package.tables.things.id)
        assert await db.relations.things.load_accounts(things, order_by=accounts.id) == [rows, []]


async def test_every_kind_of_relation_is_loaded(tmp_path: Path) -> None:
    claim = "relations_follow_foreign_keys"
    async with generated(claim, FILL_RELATIONS, tmp_path) as (package, db):
        tables, load = package.tables, db.relations
        t, u, m, k = tables.tenants, tables.users, tables.messages, tables.labels
        tenants = await db.find(package.Tenant, order_by=t.id)
        users = await db.find(package.User, order_by=[u.tenant_id, u.id])
        messages = await db.find(package.Message, order_by=m.id)
        labels = await db.find(package.Label, order_by=k.id)
        boss, clerk, other = users
        first, second, third = messages
        whole, new, old = labels

        assert await load.users.load_tenant(users) == [tenants[0], tenants[0], tenants[1]]
        assert await load.users.load_manager(users) == [None, boss, None]
        assert await load.users.load_users_by_manager(users) == [[clerk], [], []]
        (profile,) = await db.find(package.Profile)
        assert await load.users.load_profile(users) == [None, profile, None]
        assert await load.profiles.load_user([profile]) == [clerk]
        assert await load.messages.load_sender(messages) == [boss, clerk, other]
        assert await load.messages.load_recipient(messages) == [clerk, None, None]
        sent = await load.users.load_messages_by_sender(users, order_by=m.id)
        assert sent == [[first], [second], [third]]
        assert await load.messages.load_reply_to(messages) == [None, first, None]
        assert await load.messages.load_messages_by_reply_to([first, third]) == [[second], []]
        assert await load.labels.load_parent(labels) == [None, whole, whole]
        tagged = await load.messages.load_labels(messages, order_by=k.id.desc())
        assert tagged == [[old, new], [old, new], []]
        newest = await load.labels.load_messages([new, whole], order_by=m.id.desc(), limit=1)
        assert newest == [[second], []]
        assert await load.messages.load_labels([first], where=k.id == "new") == [[new]]

        await db.execute("delete from profiles")
        await db.execute("delete from message_labels")
        await db.execute("delete from messages")
        await db.execute("delete from users where id = 2")
        with pytest.raises(NotFound, match=r"profiles\.load_user"):
            await load.profiles.load_user([profile])
        assert await load.profiles.load_user([profile], where=u.id > 0) == [None]
