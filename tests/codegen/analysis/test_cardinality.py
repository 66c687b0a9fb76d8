"""How many rows: what keys, LIMIT and aggregates prove, and what they must not."""

import psycopg
import pytest

from salacia_db.codegen.analysis.cardinality import cardinality, single, why_many
from tests.codegen.analysis.asking import Asker

SCHEMA = """
create table a (id int primary key, x int, y int not null, name text unique, flag bool not null);
create table b (id int primary key, a_id int not null references a, x int, unique (a_id, x));
create table pair (k1 int, k2 int, v text, primary key (k1, k2));
create table bare (x int, y int);
create table partial (id int, gone bool); create unique index on partial (id) where not gone;
create table shifted (id int); create unique index on shifted ((id + 1));
create table late (id int unique deferrable);
create table parent (id int primary key); create table child () inherits (parent);
create table parts (id int primary key, v int) partition by range (id);
create table parts_1 partition of parts default;
create function drop_row() returns trigger language plpgsql as 'begin return null; end';
create table fired (id int primary key); create trigger t before insert on fired
  for each row execute function drop_row();
create view va as select a.id, a.name, b.id as b_id from a left join b on b.id = a.x;
create view grouped as select y, count(*) as n from a group by y;
create function lying() returns int immutable language sql as 'select 1';
"""


@pytest.fixture(scope="module")
def shop(databases) -> Asker:
    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return Asker(url)


def many(ask: Asker, sql: str) -> str:
    parsed = ask.server.parse(sql)
    found = cardinality(parsed.main, ask.catalog)
    assert (why_many(parsed.main, ask.catalog) != "") == (not single(parsed.main, ask.catalog))
    if parsed.columns:
        assert single(parsed.main, ask.catalog) == (found != "many")
    return found


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", "one"),
        ("select 1 where $1", "optional"),
        ("select * from a", "many"),
        ("select * from a where id = $1", "optional"),
        ("select * from a where $1 = id and x > 3", "optional"),
        ("select * from a where id = 1 or x = 2", "many"),
        ("select * from a where id > 1", "many"),
        ("select * from a where id in (1, 2)", "many"),
        ("select * from a where id in (1)", "optional"),
        ("select * from a where id = any ($1)", "many"),
        ("select * from pair where (k1, k2) = (select x, y from bare limit 1)", "optional"),
        ("select * from pair where (k1, v) = (select x, 'v' from bare limit 1)", "many"),
        ("select * from pair where (k1, k2) <> (select x, y from bare limit 1)", "many"),
        ("select * from pair where (k1, k2) >= (select x, y from bare limit 1)", "many"),
        ("select * from pair p where (k1, k2) = (select p.k2, p.k1)", "many"),
        ("select * from pair where (k1, k2) = any (select x, y from bare)", "many"),
        ("select * from pair where not (k1, k2) = (select x, y from bare limit 1)", "many"),
        ("select * from a where name = $1", "optional"),
        ('select * from a where name = $1 collate "C"', "optional"),
        ("select * from a where lower(name) = $1", "many"),
        ("select * from a where name is null", "many"),
        ("select * from a where id = x", "many"),
        ("select * from a where id = floor(random() * 3)::int", "many"),
        ("select * from a where id = lying()", "many"),
        ("select * from a where id = abs($1::int) + 1", "optional"),
        ("select * from a where id = (select max(id) from b)", "optional"),
        ("select * from a where id = (select max(b.id) from b where b.x = a.x)", "many"),
        ("select * from pair where k1 = 1", "many"),
        ("select * from pair where k1 = 1 and k2 = 2", "optional"),
        ("select * from pair where (k1, k2) = ($1, $2)", "optional"),
        ("select * from partial where id = 1", "many"),
        ("select * from shifted where id = 1", "many"),
        ("select * from late where id = 1", "many"),
        ("select * from parent where id = 1", "many"),
        ("select * from only parent where id = 1", "optional"),
        ("select * from parts where id = 1", "optional"),
        ("select * from bare where x = 1", "many"),
        ("select count(*) from a", "one"),
        ("select count(*) from a having count(*) > 1", "optional"),
        ("select count(*) from a where false", "one"),
        ("select count(*) from a group by x", "many"),
        ("select count(*) from a where x = 1 group by x", "optional"),
        ("select count(*) from a group by rollup (x)", "many"),
        ("select distinct x from a where x = 1", "optional"),
        ("select distinct x, y from a where x = 1", "many"),
        ("select distinct count(*) from a group by x", "many"),
        ("select distinct (select count(*) from b) from a group by x", "optional"),
        ("select distinct array_agg(null::text), 1 from a group by x", "many"),
        ("select * from a limit 1", "optional"),
        ("select * from a limit 2", "many"),
        ("select * from a limit $1", "many"),
        ("select * from a limit null", "many"),
        ("select * from a order by x fetch first 1 rows with ties", "many"),
        ("select count(*) from a offset 1", "optional"),
        ("select count(*) from a limit 1", "one"),
        ("select count(*) from a limit 0", "optional"),
        ("select id from a where id = 1 for update", "optional"),
        ("select generate_series(1, 2)", "many"),
        ("select * from generate_series(1, 2)", "many"),
        ("select * from abs(1)", "one"),
        ("values (1)", "one"),
        ("values (1), (2)", "many"),
        ("select 1 union all select 2", "many"),
        ("select 1 union select 1", "many"),
        ("select 1 intersect select 1", "optional"),
        ("select 1 except select id from a", "optional"),
        ("select 1 where $1 union all select id from a limit 1", "optional"),
        ("with w as (select * from a where id = 1) select * from w", "optional"),
        ("with w as (select * from a) select * from w where id = 1", "optional"),
        ("with recursive w as (select 1 union all select 2 from w) select * from w", "many"),
    ],
)
def test_selects(shop, sql, expected):
    assert many(shop, sql) == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("a join b on b.a_id = a.id where b.id = 1", "optional"),
        ("a join b on b.a_id = a.id where a.id = 1", "many"),
        ("a join b on b.a_id = a.id and b.x = 1 where a.id = 1", "optional"),
        ("a, b where b.a_id = a.id and b.id = 1", "optional"),
        ("a left join b on b.id = a.x where a.id = 1", "optional"),
        ("a left join b on b.id = a.x", "many"),
        ("a left join b on b.x = a.x where a.id = 1", "many"),
        ("a left join b on b.id = 1 and a.id = 1", "many"),
        ("a right join b on a.id = b.a_id where b.id = 1", "optional"),
        ("a full join b on a.id = b.a_id where b.id = 1", "many"),
        ("a full join b on a.id = b.id where a.id = 1 and b.id = 1", "optional"),
        ("(select 1) s left join a on a.id = $1", "one"),
        ("(select 1) s join a on a.id = $1", "optional"),
        ("(select count(*) from a) s cross join (select count(*) from b) t", "one"),
        ("a cross join lateral (select * from b where b.id = a.x) l where a.id = 1", "optional"),
        ("a cross join lateral (select * from b where b.x = a.x) l where a.id = 1", "many"),
        ("a left join b on b.id = 5 and a.x > 3 join pair p on p.k1 = b.x and p.k2 = 1", "many"),
        ("va where id = 1", "optional"),
        ("va where b_id = 1", "many"),
        ("grouped where y = 1", "optional"),
        ("grouped where n = 1", "many"),
        ("a left join grouped g on g.y = a.y where a.id = 1", "optional"),
        ("(select id from a union select id from b) u where id = 1", "optional"),
        ("(select id from a union all select id from b) u where id = 1", "many"),
        ("(select distinct x from a) d where x = 1", "optional"),
        ("a where flag and id = 1", "optional"),
    ],
)
def test_joins_and_views(shop, tables, expected):
    assert many(shop, f"select 1 from {tables}") == expected


def test_the_side_of_an_outer_join_is_fixed_only_once_the_other_is(shop):
    join = "a left join b on b.id = 5 and a.x > 3"
    assert many(shop, f"select b.id, count(*) from {join} group by b.id") == "many"
    assert (
        many(
            shop,
            f"update pair set v = 'x' from {join} where k1 = coalesce(b.x, 7) and k2 = 1"
            " returning 1",
        )
        == "many"
    )
    assert (
        many(shop, f"select b.id, count(*) from {join} where b.id = 5 group by b.id") == "optional"
    )


@pytest.mark.parametrize(
    ("sql", "expected", "touches_one"),
    [
        ("insert into a (id, y, flag) values ($1, $2, true)", "none", True),
        ("insert into a (id, y, flag) values ($1, $2, true) returning id", "one", True),
        ("insert into bare values (1), (2) returning x", "many", False),
        ("insert into bare select x, y from a returning x", "many", False),
        ("insert into bare select x, y from a where id = 1 returning x", "optional", True),
        ("insert into bare values (generate_series(1, 2)) returning x", "many", False),
        ("insert into pair values (1, 2) on conflict do nothing returning v", "optional", True),
        (
            "insert into pair values (1, 2) on conflict (k1, k2) do update set v = 'x' returning v",
            "one",
            True,
        ),
        (
            "insert into pair values (1, 2) on conflict (k1, k2)"
            " do update set v = 'x' where pair.v > 'a' returning v",
            "optional",
            True,
        ),
        ("insert into fired values (1) returning id", "optional", True),
        ("insert into parts values (1) returning id", "one", True),
        ("update a set x = 1 where id = $1 returning id", "optional", True),
        ("update a set x = 1 where id = $1", "none", True),
        ("update a set x = 1 where y = 1", "none", False),
        ("update a set x = b.x from b where a.id = 1 returning b.id", "optional", True),
        ("update a set x = b.x from b where a.id = b.a_id and b.id = 1", "none", True),
        ("update a set x = b.x from b where a.id = b.a_id", "none", False),
        ("delete from pair where k1 = 1 and k2 = 2 returning v", "optional", True),
        ("delete from pair where k1 = 1 returning v", "many", False),
        (
            "merge into a using (values (1)) v(id) on a.id = v.id"
            " when matched then delete returning a.id",
            "optional",
            True,
        ),
        (
            "merge into a using (values (1)) v(id) on a.y = v.id"
            " when matched then delete returning a.id",
            "many",
            False,
        ),
        (
            "merge into a using (values (1)) v(id) on a.id = v.id"
            " when not matched by source then delete returning a.id",
            "many",
            False,
        ),
        ("with w as (insert into bare values (1) returning x) select * from w", "one", True),
    ],
)
def test_changes(shop, sql, expected, touches_one):
    shop.skip_before(sql)
    parsed = shop.server.parse(sql)
    assert cardinality(parsed.main, shop.catalog) == expected
    assert single(parsed.main, shop.catalog) == touches_one


def test_an_equality_that_ignores_case_fixes_no_key(asker):
    made = asker(
        "create extension citext;"
        "create domain email as citext check (value ~ '@'); create domain mail as email;"
        "create domain word as text;"
        "create table t (name text unique, label citext unique, own citext, email email unique,"
        " mail mail unique, word word unique);"
    )
    assert many(made, "select 1 from t where name = $1") == "optional"
    assert many(made, "select 1 from t where name::citext = $1") == "many"
    assert many(made, "select 1 from t where label = $1") == "optional"
    assert many(made, "select 1 from t where label::text = $1") == "optional"
    assert many(made, "select 1 from t where email = $1") == "optional"
    assert many(made, "select 1 from t where mail = $1") == "optional"
    assert many(made, "select 1 from t where word = $1") == "optional"
    assert many(made, "select 1 from t where word::citext = $1") == "many"


def test_the_reason_names_the_table(shop):
    def why(sql: str) -> str:
        return why_many(shop.server.parse(sql).main, shop.catalog)

    assert why("select * from a where x = 1") == "no unique key of a is fixed by the conditions"
    assert why("select * from bare") == "bare has no unique key"
    assert why("select 1 union select 2") == "UNION adds the rows of two queries"
    assert why("select * from a where id = 1") == ""
