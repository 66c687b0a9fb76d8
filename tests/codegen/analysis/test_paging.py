"""Pages: which orders are total, which keys can be NULL, what an index serves, what is refused."""

import pytest
from asking import Asker

from salacia_db.codegen.analysis.shapes import analyse_shapes
from salacia_db.codegen.facts import Paging, SourceFile
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source import parse_file

SCHEMA = """
create type mood as enum ('good', 'bad');
create table maker (id int primary key, name text not null unique, city text unique);
create table part (
  id int primary key, maker_id int references maker, code text not null, size int, mood mood,
  spot point, at timestamptz not null default now(), unique (maker_id, code)
);
create index on part (at desc, id desc);
create index on part (size desc nulls last, id);
create index on part (lower(code), id);
create view parts as select p.*, m.name as maker from part p left join maker m on m.id = p.maker_id;
"""

NOT_TOTAL = "this order isn't total: rows that are equal in it could be met twice or never"
CANNOT = "can't stand in the outermost SELECT of a :page"
MOMENT = "this order changes from one moment to the next, so that pages don't fit"
OF_TABLES = "a page's order has to be told by expressions of the tables"


@pytest.fixture
def shop(asker) -> Asker:
    return asker(SCHEMA)


def outcome(ask: Asker, sql: str) -> tuple[Paging | None, list[Problem]]:
    text = f"-- name: list :page\n{sql}\n"
    (statement,), problems = parse_file(SourceFile("sql/q.sql", text), "q", None, "salacia")
    assert problems == []
    found = analyse_shapes(statement, ask.server, ask.catalog)
    return (found.query.paging if found.query else None), list(found.problems)


def test_the_keys_of_an_order_are_told_with_their_directions_and_nulls(shop):
    found, problems = outcome(
        shop,
        "-- default: limit 50\nselect p, m.name\n"
        "from part p left join maker m on m.id = p.maker_id\n"
        "order by\n  p.at desc, p.id desc, -- sort: newest / oldest\n"
        "  p.size desc nulls last, p.id -- sort: size\n",
    )
    assert problems == []
    assert found is not None
    assert found.limit == 50
    told = {
        label: [(k.items, k.descending, k.nulls_first, k.nullable) for k in keys]
        for label, keys in found.orders
    }
    assert told == {
        "newest": [(("p.at",), True, False, False), (("p.id",), True, False, False)],
        "oldest": [(("p.at",), False, False, False), (("p.id",), False, False, False)],
        "size": [(("p.size",), True, False, True), (("p.id",), False, False, False)],
    }


@pytest.mark.parametrize(
    "sql",
    [
        "select * from part order by id",
        "select * from part where at < now() or size = 1 order by id desc",
        "with x as (select 1) select p.* from part p, x order by p.at desc, p.id desc",
        "select id from part order by lower(code), id",
        "select p.id, m.name from part p join maker m on m.id = p.maker_id order by p.id",
        "select id, extract(year from at), size is distinct from 1 as d from part order by id",
        "select q.id from (select id, count(*) from part group by id) q order by q.id",
        "select id from parts order by id",
        "select q.* from (select id, row_number() over (order by id) from part) q order by q.id",
        "select name from maker order by name",
        "select id from part where (code, :x) = (:y, 'x') order by id -- note",
    ],
)  # fmt: skip
def test_total_orders_that_an_index_serves(shop, sql):
    found, problems = outcome(shop, sql)
    assert problems == []
    assert found is not None


@pytest.mark.parametrize(
    ("sql", "order"),
    [
        ("select * from part order by size, id", "`size`, `id`"),
        ("select * from part order by size desc, id", "`size desc`, `id`"),
        ("select * from part order by size nulls first, id", "`size nulls first`, `id`"),
        ("select p.id from part p join maker m on m.id = p.maker_id order by m.name, p.id",
         "`m.name`, `p.id`"),
        ("select * from part order by code || :x, id", "`code || …`, `id`"),
        ("select * from part order by at desc, id", "`at desc`, `id`"),
        ("select id from part order by spot <-> point(0, 0), id", "`spot <-> point(0, 0)`, `id`"),
    ],
)  # fmt: skip
def test_an_order_without_an_index_is_a_warning(shop, sql, order):
    found, (problem,) = outcome(shop, sql)
    assert found is not None
    assert problem.severity == "warning"
    assert problem.message == f"no index gives the order {order}: each page sorts all rows"


def test_one_index_gives_an_order_and_its_reverse(shop):
    sql = "select * from part order by\n  size desc, id -- sort: large / small"
    _, (problem,) = outcome(shop, sql)
    assert "`size desc`, `id`" in problem.message


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select p.id from part p order by p.size nulls first, p.id",
         "create index on part (size nulls first, id)"),
        ('select * from else_where."Tag" order by "Name" desc, id',
         'create index on else_where."Tag" ("Name" desc, id)'),
        ("select id from part order by abs(size - :x), id",
         "no index holds what depends on an argument: let a filter leave few rows"),
        ("select id from parts order by code, id",
         "create an index on the columns behind these, in this order and directions"),
        ("select id from part order by code || 'x', id",
         "create an index on these, in this order and directions, if they are of one table"),
    ],
)  # fmt: skip
def test_the_index_that_is_missing_is_told(asker, sql, hint):
    ask = asker(
        f"{SCHEMA} create schema else_where;"
        ' create table else_where."Tag" (id int primary key, "Name" text not null);'
    )
    _, (problem,) = outcome(ask, sql)
    assert problem.hint == hint


def test_an_order_has_to_be_total_whatever_is_joined(shop):
    joined = "join maker m on true -- if :all = true\n"
    sql = f"select p.id from part p\n{joined}where true\n  and p.id = :id -- if :id\norder by p.id"
    found, (problem,) = outcome(shop, sql)
    assert found is None
    assert problem.message == NOT_TOTAL
    found, problems = outcome(shop, sql.replace("join maker m on true", "join maker m on m.id = 1"))
    assert problems == []
    assert found is not None


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select id from part", ":page has no ORDER BY"),
        ("select 1 as x order by 1", ":page has no FROM"),
        ("delete from part returning id", ":page has no SELECT"),
        ("select id from part order by at", NOT_TOTAL),
        ("select id from part order by maker_id, code", NOT_TOTAL),
        ("select city from maker order by city", NOT_TOTAL),
        ("select m.id from maker m join part p on p.maker_id = m.id order by m.id", NOT_TOTAL),
        ("select id from part order by id limit 3", f"LIMIT {CANNOT}"),
        ("select size from part group by size order by size", f"GROUP {CANNOT}"),
        ("select distinct id from part order by id", f"DISTINCT {CANNOT}"),
        ("select id, count(*) over () from part order by id", f"a window function {CANNOT}"),
        ("select id, generate_series(1, 2) from part order by id",
         f"a function that returns a set {CANNOT}"),
        ("select id from part union select id from maker order by id", f"UNION {CANNOT}"),
        ("select id from part order by id for update", f"FOR {CANNOT}"),
        ("select count(*) as n from part order by count(*)", f"an aggregate {CANNOT}"),
        ("select id, code from part order by 1", OF_TABLES),
        ("select id, -id as at from part order by at, id", OF_TABLES),
        ("select id as n from part order by n",
         'pages of this statement can\'t be read: column "n" does not exist'),
        ("select id from part where id = :id order by size", NOT_TOTAL),
        ("select id from part order by random(), id", MOMENT),
        ("select id from part order by now() - at, id", MOMENT),
        ("select id from part order by current_date - at::date, id", MOMENT),
        ("select id from part order by row(id), id", "a cursor can't carry record"),
        ("select id from part order by id, id", "a page is ordered twice by the same"),
        ("select id from part order by id,\nsize + :x, -- if :x\ncode",
         "a line of the ORDER BY of a :page can't be optional"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(shop, sql, message):
    found, problems = outcome(shop, sql)
    assert found is None
    assert [problem.message for problem in problems] == [message]
    assert problems[0].at is not None


def test_a_page_only_reads(asker):
    ask = asker(f"{SCHEMA} create sequence s;")
    found, (problem,) = outcome(ask, "select id, nextval('s') from part order by id")
    assert found is None
    assert problem.message.startswith(":page is for reading, and this may write")
