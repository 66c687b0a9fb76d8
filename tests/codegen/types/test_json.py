"""JSON goes straight from the wire into the type that it has, wherever it stands."""

import contextlib
import copy
import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import msgspec
import pytest
from projects import imported, written

from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import Created, Hooks, InvalidValue, json_decoder
from salacia_db.runtime.pinned import pin

SCHEMA = """
create type parcel as (weight int, label jsonb);
create table orders (
  id int primary key, lines jsonb not null, raw jsonb, old_raw json, plain jsonb,
  all_lines jsonb[], parcel parcel, parcels parcel[], told jsonb
);
create table notes (id int primary key, body jsonb);
create table carts (id int primary key, lines jsonb not null, later jsonb);
create table letters (id int primary key, text jsonb not null);
create table tags (id int primary key, order_id int references orders);
"""
COLUMNS = "id, lines, raw, old_raw, plain, all_lines, parcel, parcels, told"
QUERIES = f"""
-- name: add :one!
insert into orders ({COLUMNS})
values (:id, :lines, :raw, :old_raw, :plain, :all_lines, :parcel, :parcels, :told) returning *;
-- name: every :many
select * from orders order by id;
-- name: flowing :stream
select * from orders order by id;
-- name: raws :many
select raw from orders order by id;
-- name: raws_or_none :many
-- as raw: msgspec.Raw | None
select raw from orders order by id;
-- name: whole :one!
select array_agg(o) as whole from orders o;
-- name: both :many
select o, n from orders o left join notes n on n.id = o.id order by o.id;
-- name: fill :one!
insert into carts values (:id, :lines, :later) returning *;
-- name: carts :many
select * from carts order by id;
-- name: carts_and_notes :many
select c, n from carts c left join notes n on n.id = c.id order by c.id;
-- name: filled :one!
update carts set later = lines where id = :id
returning *, (select body from notes n where n.id = carts.id) as note;
-- name: send :one!
insert into letters values (:id, :text) returning *;
-- name: letters :many
select * from letters order by id;
-- name: note :one!
insert into notes values (:id, :body) returning *;
-- name: aggregated :one!
-- as lines: list[acme.Line]
select jsonb_agg(l) as lines, max(id) as newest, to_jsonb(1) as one
from orders, jsonb_array_elements(lines) l;
-- name: several :bulk
insert into notes values (:id, :body) returning *;
-- name: kept :many
select body from notes order by id;
-- name: paged :page
select * from orders order by id;
-- name: chosen :many
select id, lines from orders
where true
  and id = :id;  -- if :id
-- name: first :one
select lines from orders where id = :id;
-- name: shared :one
-- batch
select lines from orders where id = :id;
-- name: again :bulk
update orders set id = id where id = :id returning *;
-- name: same :one
update orders set id = id where id = :id returning *;
"""
ACME = """
from msgspec import Struct


class Line(Struct):
    sku: str
    count: int = 1


class Told:
    def __init__(self, value: object) -> None:
        self.value = value


def told(value: object) -> Told:
    return Told(value)


def tell(value: Told) -> object:
    return value.value
"""
SETTINGS = """
[tool.salacia.types]
"public.orders.lines" = "list[acme.Line]"
"public.carts.lines" = "list[acme.Line]"
"public.carts.later" = "list[acme.Line]"
"public.letters.text" = "msgspec.Raw"
"public.orders.raw" = "msgspec.Raw"
"public.orders.old_raw" = "msgspec.Raw"
"public.orders.all_lines" = "list[acme.Line | None]"
"public.orders.told" = {type = "acme.Told", read = "acme.told", write = "acme.tell"}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("json")
    (root / "acme_json.py").write_text(ACME)
    queries, settings = (
        QUERIES.replace("acme.", "acme_json."),
        SETTINGS.replace("acme.", "acme_json."),
    )
    return imported(written(root, "json_types", SCHEMA, queries, settings))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    with scratch_database() as made:
        yield made


@pytest.fixture
async def db(package: Any, url: str) -> AsyncIterator[Any]:
    async with package.connect(url, profile="test", hooks=Hooks()) as database:
        await database.execute(SCHEMA)
        yield database


def line(sku: str, count: int = 1) -> Any:
    import acme_json  # type: ignore[import-not-found]

    return acme_json.Line(sku, count)


async def add(db: Any, package: Any, id_: int = 1, **changed: Any) -> Any:
    import acme_json

    parcel = package.Parcel(7, {"to": [1]})
    values = {
        "id": id_,
        "lines": [line("a", 2)],
        "raw": msgspec.Raw(b'{"n": 1.50}'),
        "old_raw": msgspec.Raw(b'{ "n":1.50,"n":2 }'),
        "plain": {"x": [None, 1]},
        "all_lines": [line("b"), None],
        "parcel": parcel,
        "parcels": [parcel, None],
        "told": acme_json.Told([1]),
    }
    return await db.kept.add(**(values | changed))


def shown(order: Any) -> Any:
    told = order.told and order.told.value
    return msgspec.structs.replace(order, told=told)


async def test_it_has_its_type_in_columns_arrays_composites_and_whole_rows(db: Any, package: Any):
    made = shown(await add(db, package))
    assert made.lines == [line("a", 2)]
    assert made.plain == {"x": [None, 1]}
    assert made.all_lines == [line("b"), None]
    assert made.parcel == package.Parcel(7, {"to": [1]})
    assert made.parcels == [made.parcel, None]
    assert made.told == [1]
    assert [shown(row) for row in await db.kept.every()] == [made]
    assert [shown(row) async for row in db.kept.flowing()] == [made]
    (whole,) = await db.kept.whole()
    assert shown(whole) == made
    await db.kept.note(id=1, body={"deep": [1]})
    (both,) = await db.kept.both()
    assert shown(both.o) == made
    assert both.n == package.Note(1, {"deep": [1]})
    found = await db.kept.aggregated()
    assert (found.lines, found.one) == ([line("a", 2)], 1)


async def test_a_row_of_one_type_comes_alone_and_beside_another(db: Any, package: Any):
    some, other = [line("a", 2)], [line("b"), line("c")]
    for number, later in enumerate((other, None)):
        cart = package.Cart(number, some, later)
        assert await db.kept.fill(id=number, lines=some, later=later) == cart
    carts = [package.Cart(0, some, other), package.Cart(1, some, None)]
    note = await db.kept.note(id=1, body={"deep": [1]})
    assert (
        await db.kept.carts()
        == carts
        == list(await db.find(package.Cart, order_by=package.tables.carts.id))
    )
    found = await db.kept.carts_and_notes()
    assert [(row.c, row.n) for row in found] == [(carts[0], None), (carts[1], note)]
    filled = await db.kept.filled(id=1)
    assert (filled.lines, filled.later, filled.note) == (some, some, {"deep": [1]})


@pytest.mark.parametrize("length", [0, 8180, 8190, 100_000])
async def test_raw_may_be_long(db: Any, package: Any, length: int):
    text = msgspec.json.encode("ä" * (length // 2))
    made = await db.kept.send(id=1, text=msgspec.Raw(text))
    (found,) = await db.kept.letters()
    assert bytes(made.text) == bytes(found.text) == text
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == made
    assert msgspec.json.encode(found) == b'{"id":1,"text":' + text + b"}"


async def test_which_of_two_columns_does_not_fit_may_stay_open(db: Any, package: Any):
    await db.kept.fill(id=1, lines=[], later=[line("a")])
    await db.execute("""update carts set later = '{}'""")
    with pytest.raises(InvalidValue, match="a value of `lines` or `later` is JSON that is no list"):
        await db.kept.carts()
    with pytest.raises(InvalidValue, match="a value of `later` is JSON that is no list"):
        await db.kept.carts_and_notes()


async def test_raw_is_the_text_as_the_server_has_it(db: Any, package: Any):
    made = await add(db, package)
    assert bytes(made.raw) == b'{"n": 1.50}'
    assert bytes(made.old_raw) == b'{ "n":1.50,"n":2 }'
    assert [bytes(raw) for raw in await db.kept.raws()] == [bytes(made.raw)]
    assert [bytes(raw) for raw in await db.kept.raws_or_none()] == [bytes(made.raw)]


async def test_null_is_none_but_for_raw_which_holds_it(db: Any, package: Any):
    nothing = dict.fromkeys(("old_raw", "plain", "all_lines", "parcel", "parcels", "told"))
    made = await add(db, package, raw=msgspec.Raw(b"null"), **nothing)
    assert bytes(made.raw) == b"null"
    assert [getattr(made, name) for name in nothing] == [None] * len(nothing)


async def test_what_does_not_fit_its_type_is_told_without_its_value(db: Any, package: Any):
    await add(db, package)
    await db.execute("""update orders set lines = '[{"sku": "s3cret", "count": "s3cret"}]'""")
    with pytest.raises(InvalidValue) as caught:
        await db.kept.every()
    assert "no list[acme_json.Line], at `$[0].count`: Expected `int`, got `str`" in str(
        caught.value
    )
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


ROUTES: dict[str, Callable[[Any, Any], Any]] = {
    "kept.every": lambda db, _: db.kept.every(),
    "kept.flowing": lambda db, _: anext(aiter(db.kept.flowing())),
    "kept.whole": lambda db, _: db.kept.whole(),
    "kept.both": lambda db, _: db.kept.both(),
    "kept.aggregated": lambda db, _: db.kept.aggregated(),
    "kept.paged": lambda db, _: db.kept.paged(),
    "kept.paged (by number)": lambda db, _: db.kept.paged_numbered(),
    "kept.chosen": lambda db, _: db.kept.chosen(id=1),
    "kept.first": lambda db, _: db.kept.first(id=1),
    "kept.shared": lambda db, _: db.kept.shared(id=1),
    "kept.again": lambda db, package: db.kept.again([package.kept.KeptAgainInput(id=1)]),
    "orders.find": lambda db, package: db.find(package.Order),
    "orders.find_one": lambda db, package: db.find_one(package.Order),
    "tags.load_order": lambda db, package: db.relations.tags.load_order([package.Tag(1, 1)]),
}


COLUMNS_OF = {"kept.whole": "whole"}


@pytest.mark.parametrize("route", ROUTES)
async def test_what_does_not_fit_names_statement_and_column_by_every_route(
    db: Any, package: Any, route: str
):
    await add(db, package)
    await db.execute("""update orders set lines = '[{"sku": 1}]'""")
    name = route.partition(" ")[0]
    for session in (db, db.unit_of_work()):
        async with contextlib.nullcontext(db) if session is db else session as queries:
            with pytest.raises(InvalidValue) as caught:
                await ROUTES[route](queries, package)
    column = COLUMNS_OF.get(route, "lines")
    assert str(caught.value).startswith(f"{name}: it ran, but a value of `{column}` is JSON")
    assert caught.value.statement == name


async def test_what_does_not_fit_a_hook_names_the_statement_that_called_it(
    db: Any, package: Any, url: str
):
    hooks = Hooks()
    hooks.after_update(package.Order)(lambda event: None)
    await add(db, package)
    await db.execute("""update orders set lines = '[{"sku": 1}]'""")
    async with package.connect(url, profile="test", hooks=hooks) as hooked:
        with pytest.raises(InvalidValue, match=r"kept\.same: it ran"):
            await hooked.kept.same(id=1)


def test_a_decoder_on_its_own_names_no_statement():
    with pytest.raises(InvalidValue, match=r"^it ran") as caught:
        json_decoder(int)(b'"x"')
    assert caught.value.statement is None


async def test_ones_own_sql_gets_it_decoded(db: Any, package: Any):
    await add(db, package)
    sql = "select lines, all_lines from orders"
    expected = ([{"sku": "a", "count": 2}], [{"sku": "b", "count": 1}, None])
    assert tuple(await db.fetchrow(sql)) == expected
    async with db.unit_of_work() as uow:
        connection = await uow.connection()
        prepared = await connection.prepare(sql)
        await uow.kept.every()
        assert tuple(await prepared.fetchrow()) == expected
        rows = uow.kept.flowing()
        async for row in rows:
            assert tuple(await connection.fetchrow(sql)) == expected
            assert row.lines == [line("a", 2)]
        await db.execute("update orders set lines = '3'")
        with pytest.raises(InvalidValue):
            await uow.kept.every()
        assert (await connection.fetchval("select lines from orders")) == 3
    assert await db.fetchval("select lines from orders") == 3


async def test_hooks_are_given_it_with_its_type(db: Any, package: Any, url: str):
    seen: list[Any] = []
    hooks = Hooks()

    @hooks.after_create(package.Order)
    async def created(event: Created[Any]) -> None:
        seen.extend(row.lines for row in event.rows)

    async with package.connect(url, profile="test", hooks=hooks) as hooked:
        await add(hooked, package)
    assert seen == [[line("a", 2)]]


async def test_bulk_calls_and_pinned_databases_read_it_too(db: Any, package: Any, url: str):
    inputs = [package.kept.KeptSeveralInput(id=n, body=[n]) for n in range(3)]
    assert await db.kept.several(inputs) == [package.Note(n, [n]) for n in range(3)]
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        pinned = pin(package.Database, connection)
        assert await pinned.kept.kept() == [[0], [1], [2]]
        assert await connection.fetchval("select body from notes where id = 2") == [2]
    await connection.close()
