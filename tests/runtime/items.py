"""A table with its statements, as the generator writes them."""

from collections.abc import Iterable
from datetime import datetime
from itertools import starmap

from msgspec import Struct

from salacia_db import runtime
from salacia_db.runtime import (
    CopyTarget,
    Group,
    NotFound,
    Rows,
    Statement,
    Stream,
    Unnested,
    Write,
    lazy,
)

SCHEMA = """
create table item (
  id int primary key,
  name text not null constraint item_name_key unique,
  amount int not null default 0 constraint amount_not_negative check (amount >= 0),
  note jsonb
);
create table audit (id int generated always as identity primary key, item_id int not null);
create table child (
  id int primary key,
  item_id int constraint child_item_fkey references item deferrable initially deferred
);
"""


class Item(Struct, frozen=True):
    id: int
    name: str
    amount: int
    note: object


class Audit(Struct, frozen=True):
    id: int
    item_id: int


class StaleItem(NotFound):
    """No such item."""


ALL = "id, name, amount, note"
XID = "pg_current_xact_id()"

GET = Statement(
    "items.get",
    f"-- items.get\nselect {ALL} from item where id = $1",
    parameters=("id",),
    read_only=True,
    clean=True,
    before_begin=True,
    none=StaleItem,
)
LIST = Statement(
    "items.list",
    f"-- items.list\nselect {ALL} from item order by id",
    read_only=True,
    clean=True,
    before_begin=True,
)
DIVIDE = Statement(
    "items.divide",
    "-- items.divide\nselect 12 / $1::int4",
    parameters=("by",),
    read_only=True,
    clean=True,
    before_begin=True,
)
MOMENT = Statement("items.moment", "-- items.moment\nselect now()", read_only=True, clean=True)
SLOW_LIST = Statement(
    "items.slow_list",
    "-- items.slow_list\nselect name, pg_sleep(0.05) from item order by id",
    read_only=True,
    clean=True,
)
SLEEP = Statement(
    "items.sleep",
    "-- items.sleep\nselect pg_sleep($1)",
    parameters=("s",),
    read_only=True,
    clean=True,
)
SLEEP_SHORTLY = Statement(
    "items.sleep_shortly",
    "-- items.sleep_shortly\nselect pg_sleep($1)",
    parameters=("s",),
    read_only=True,
    clean=True,
    timeout=0.2,
)


def _insert(name: str, tail: str = "", *unnested: Unnested) -> Statement:
    sql = f"-- {name}\ninsert into item ({ALL}) values ($1, $2, $3, $4){tail} returning {ALL}"
    return Statement(
        name,
        sql,
        parameters=("id", "name", "amount", "note"),
        clean=True,
        tracked=f"{sql}, {XID}",
        writes=(Write("create", Item, returned=True),),
        unnested=unnested,
    )


INSERT = _insert("items.insert")
INSERT_MANY = _insert("items.insert_many")
UNNEST_MANY = _insert(
    "items.unnest_many",
    "",
    Unnested(
        f"insert into item ({ALL}) select i.a, i.b, i.c, i.d"
        " from unnest($1::int[], $2::text[], $3::int[], $4::jsonb[]) with ordinality"
        f" as i (a, b, c, d, n) order by i.n returning {ALL}",
        tail=f", {XID}",
        json=(3,),
    ),
)
ADD = Statement(
    "items.add",
    f"-- items.add\ninsert into item ({ALL}) values ($1, $2, $3, $4)",
    parameters=("id", "name", "amount", "note"),
    clean=True,
    tracked=f"-- items.add\ninsert into item ({ALL}) values ($1, $2, $3, $4) returning {XID}",
    writes=(Write("create", Item),),
)
UPSERT = Statement(
    "items.upsert",
    f"-- items.upsert\ninsert into item ({ALL}) values ($1, $2, $3, $4) "
    f"on conflict (id) do update set name = excluded.name returning {ALL}",
    parameters=("id", "name", "amount", "note"),
    clean=True,
    tracked=f"-- items.upsert\ninsert into item ({ALL}) values ($1, $2, $3, $4) "
    f"on conflict (id) do update set name = excluded.name returning {ALL}, (xmax = 0), {XID}",
    created=True,
    writes=(Write("upsert", Item, returned=True),),
)
RENAME = Statement(
    "items.rename",
    f"-- items.rename\nupdate item set name = $2 where id = $1 returning {ALL}",
    parameters=("id", "name"),
    clean=True,
    tracked=f"-- items.rename\nupdate item set name = $2 where id = $1 returning {ALL}, {XID}",
    writes=(Write("update", Item, returned=True),),
)
RAISE_ALL = Statement(
    "items.raise_all",
    "-- items.raise_all\nupdate item set amount = amount + $1",
    parameters=("by",),
    clean=True,
    writes=(Write("update", Item),),
)
DELETE = Statement(
    "items.delete",
    "-- items.delete\ndelete from item where id = $1",
    parameters=("id",),
    clean=True,
    tracked=f"-- items.delete\ndelete from item where id = $1 returning {XID}",
    writes=(Write("delete", Item),),
)
AUDITED = Statement(
    "items.audited",
    "-- items.audited\nwith a as (insert into audit (item_id) values ($1)) "
    f"update item set name = $2 where id = $1 returning {ALL}",
    parameters=("id", "name"),
    clean=True,
    tracked="-- items.audited\nwith a as (insert into audit (item_id) values ($1)) "
    f"update item set name = $2 where id = $1 returning {ALL}, {XID}",
    writes=(Write("update", Item, returned=True), Write("create", Audit)),
)
COPY = Statement(
    "items.copy",
    "-- items.copy",
    parameters=("id", "name", "amount", "note"),
    clean=True,
    writes=(Write("create", Item),),
)


TARGET = CopyTarget("item", "public", ("id", "name", "amount", "note"))


class Items(Group):
    """Queries of sql/items.sql."""

    __slots__ = ()

    async def get(self, *, id: int) -> Item | None:
        row = await self._session.fetchrow(GET, id)
        return None if row is None else Item(*row)

    async def must_get(self, *, id: int) -> Item:
        return Item(*await self._session.fetchone(GET, id))

    async def list(self) -> "list[Item]":
        return list(starmap(Item, await self._session.fetch(LIST)))

    async def divide(self, *, by: int) -> int:
        found: int = await self._session.fetchval(DIVIDE, by)
        return found

    async def moment(self) -> datetime:
        found: datetime = await self._session.fetchval(MOMENT)
        return found

    async def slow_list(self) -> "list[str]":
        return [row[0] for row in await self._session.fetch(SLOW_LIST)]

    async def sleep(self, *, s: float) -> None:
        await self._session.execute(SLEEP, s)

    async def sleep_shortly(self, *, s: float) -> None:
        await self._session.execute(SLEEP_SHORTLY, s)

    async def insert(self, id: int, name: str = "", amount: int = 0, note: object = None) -> Item:
        row = await self._session.fetchone(INSERT, id, name or f"item {id}", amount, note)
        return Item(*row)

    async def add(self, id: int, name: str = "", amount: int = 0) -> int:
        return await self._session.execute(ADD, id, name or f"item {id}", amount, None)

    async def upsert(self, id: int, name: str) -> Item:
        return Item(*await self._session.fetchone(UPSERT, id, name, 0, None))

    async def rename(self, id: int, name: str) -> Item | None:
        row = await self._session.fetchrow(RENAME, id, name)
        return None if row is None else Item(*row)

    async def raise_all(self, by: int) -> int:
        return await self._session.execute(RAISE_ALL, by)

    async def delete(self, id: int) -> int:
        return await self._session.execute(DELETE, id)

    async def audited(self, id: int, name: str) -> Item | None:
        row = await self._session.fetchrow(AUDITED, id, name)
        return None if row is None else Item(*row)

    async def insert_many(self, rows: "Rows[tuple[object, ...]]") -> "list[Item]":
        found = await self._session.fetchmany(INSERT_MANY, rows, tuple)
        return [Item(*row) for row in found]

    async def unnest_many(self, rows: "Rows[tuple[object, ...]]") -> "list[Item]":
        found = await self._session.fetchmany(UNNEST_MANY, rows, tuple)
        return [Item(*row) for row in found]

    async def add_many(self, rows: "Rows[tuple[object, ...]]") -> int:
        return await self._session.executemany(ADD, rows, tuple)

    async def raise_many(self, by: "Iterable[int]") -> int:
        return await self._session.executemany(RAISE_ALL, by, lambda each: (each,))

    async def copy(self, rows: "Rows[tuple[object, ...]]") -> int:
        return await self._session.copy(COPY, TARGET, rows, tuple)

    def stream(self) -> Stream[Item]:
        return self._session.stream(LIST, (), lambda rows: list(starmap(Item, rows)))


class UnitOfWork(runtime.UnitOfWork):
    """One transaction; its groups of queries run in it."""

    @lazy
    def items(self) -> Items:
        return Items(self.session)


class Database(runtime.Database[UnitOfWork]):
    """The database; each call of its groups of queries runs by itself."""

    unit_of_work_class = UnitOfWork

    @lazy
    def items(self) -> Items:
        return Items(self.session)
