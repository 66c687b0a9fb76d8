"""What calls share answers each as the statement by itself would, from the same indexes."""

import json

import psycopg
import pytest
from asking import Asker

from salacia_db.codegen.analysis.analyse import analyse
from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.facts import Batch, SourceFile
from salacia_db.codegen.source import parse_file

READS = [
    ("select * from tags where id = $1", [(1,), (2,), (None,), (99,), (1,)]),
    ("select note, names[1] as first from tags where id = $1 and note <> $2", [(1, "a"), (2, "b")]),
    ("select count(*) from tags where id < $1", [(0,), (2,), (9,)]),
    ("select sum(id) filter (where note = $2) as s from tags where id < $1", [(9, "a"), (9, "b")]),
    ("select id from tags where id >= $1 order by id desc limit 1", [(0,), (2,), (9,)]),
    ("select id from tags order by id offset $1 limit 1", [(0,), (1,), (9,)]),
    ("with t as (select * from tags where id = $1) select id, note from t", [(1,), (7,)]),
    (
        "with recursive up(n) as (select $1::int union all select n + 1 from up where n < 5)"
        " select max(n) as n from up",
        [(1,), (7,)],
    ),
    ("select max(id) as m from (select id from tags where id = $1 union all select 4) x", [(1,)]),
    ("select t.id, p.v from tags t left join parts p on p.id = t.id where t.id = $1", [(1,), (2,)]),
    ("select name from listed where id = $1 limit 1", [("00000000-0000-0000-0000-000000000000",)]),
    ("select (select max(id) from tags where note = $1) as m", [("a",), ("x",), (None,)]),
    ("select row_number() over () as n from tags where id = $1", [(1,), (2,)]),
    ("select $1::int as one, $2::text as other", [(1, "x"), (None, None)]),
    ("select exists (select from tags where id = $1) as there", [(1,), (8,)]),
    ("select calls.id -- $1 is none\nfrom tags calls where calls.id = $1 -- end", [(1,), (3,)]),
    ("select '$1' as text, id from tags where id = $1", [(1,)]),
    ("select value from generate_series($1::int, 9) as value limit 1", [(1,), (5,)]),
    ("select id from tags where id = any (array[$1::int]) limit 1", [(1,), (5,)]),
    ("select $1::char(3) as code, $2::bit(3) as bits", [("abc", "101"), ("a", "111")]),
    ("select $1::varchar(2) as v, $2::numeric(4, 1) as n", [("ab", 1.25), ("abc", 2.0)]),
    ("select mood from providers where mood = $1 limit 1", [("fine",), ("sad",)]),
]
ROWS = (
    "insert into tags (id, names, note) values (1, '{a,b}', 'a'), (2, '{}', 'b'), (3, '{}', 'a');"
    "insert into loose values (1, 'x'), (1, 'y');"
    "insert into providers (id, name) values (gen_random_uuid(), 'p')"
)


def outcome(ask: Asker, sql: str) -> Outcome:
    file = SourceFile("q.sql", f"-- name: q :one\n-- batch\n{sql};\n")
    (statement,), problems = parse_file(file, "q", None, "salacia")
    assert problems == []
    return analyse(statement, ask.server, ask.catalog)


def form(ask: Asker, sql: str) -> Batch:
    found = outcome(ask, sql)
    assert found.query is not None, [p.render() for p in found.problems]
    assert found.query.batch is not None
    return found.query.batch


@pytest.mark.parametrize(("sql", "calls"), READS, ids=[sql for sql, _ in READS])
def test_each_gets_what_it_would_get_by_itself(ask: Asker, sql: str, calls: list[tuple]) -> None:
    batch = form(ask, sql)
    arrays = [list(column) for column in zip(*calls, strict=True)]
    found = ask.run(batch.sql, *arrays, before=ROWS)
    for number, call in enumerate(calls, 1):
        alone = ask.run(sql, *call, before=ROWS)
        assert sorted(row[:-1] for row in found if row[-1] == number) == sorted(alone)


LARGE = """
create table large (id int primary key, code text not null unique, owner int, at timestamptz);
insert into large select n, 'c' || n, n % 5000, now() from generate_series(1, 20000) n;
create index on large (owner, at);
create view small as select id, code from large where id > 0;
analyze large;
"""


@pytest.mark.parametrize(
    "sql",
    [
        "select id, code, owner, at from large where id = $1",
        "select id from large where code = $1",
        "select id from large where owner = $1 order by at desc limit 1",
        "select count(*) from large where owner = $1",
        "select a.id, b.code from large a left join large b on b.id = a.owner where a.id = $1",
        "select code from small where id = $1",
    ],
)
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_the_form_reads_the_same_indexes(databases, sql: str, mode: str) -> None:
    with databases.database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(LARGE)
        ask = Asker(url)
        batch = form(ask, sql)
        type_ = "text" if "code = " in sql else "int"
        connection.execute(f"set plan_cache_mode = {mode}")
        connection.execute(f"prepare form({type_}[]) as {batch.sql}")
        values = ", ".join(f"'{n}'" for n in range(100, 200))
        (plan,) = connection.execute(
            f"explain (format json) execute form(array[{values}]::{type_}[])"
        ).fetchone()
        ask.server.close()
    nodes = json.dumps(plan)
    assert "Index" in nodes
    assert "Seq Scan" not in nodes


def test_a_write_says_whose_row_it_returns(ask: Asker) -> None:
    text = "insert into loose values ($1, $2) returning a, $3::int4"
    found = form(ask, "insert into loose values ($1, $2) returning a -- the end")
    assert found == Batch(text, f"{text}, pg_current_xact_id()")
    assert ask.run(text, 7, "x", 5) == [(7, 5)]


def test_what_cannot_tell_its_transaction_is_batched_all_the_same(ask: Asker) -> None:
    found = form(ask, "insert into triggered values ($1, $2) returning id")
    assert found.tracked is None


REFUSED = [
    ("select gen_random_uuid() as id, $1::int as n", "gen_random_uuid() gives each its own answer"),
    ("select id from providers where settings = $1 limit 1", "`1` is jsonb"),
    ("select id from tags where names = $1 limit 1", "`1` is text[]"),
    ("select id from providers where providers = $1 limit 1", "`1` is record"),
    ("select id from tags limit 1", "it has no parameters"),
    ("select id from tags where id = $1 for share", "it locks rows"),
    ("select set_config('a.b', $1, false) as s", "it calls set_config()"),
    ("select max($1::int) as m", "aggregate functions are not allowed"),
    ("with x as (delete from loose returning a) select count(*) + $1 as n from x", "in a WITH"),
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_what_calls_cannot_share_is_refused_with_the_reason(
    ask: Asker, sql: str, reason: str
) -> None:
    (problem,) = outcome(ask, sql).problems
    assert problem.message.startswith("calls of `q` can't share a statement: ")
    assert reason in problem.message
    assert problem.position() == ("q.sql", 2, 1)
