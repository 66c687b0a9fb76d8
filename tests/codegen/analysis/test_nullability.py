"""Each rule of nullability: what it proves, and what it must not."""

import time

import pytest

from salacia_db.codegen.analysis.nullability import prove
from salacia_db.codegen.analysis.server import Parsed, Server
from tests.codegen.analysis.asking import Asker, needs_messages

CHILDREN_ARE_ALIKE = 160000


def shown(ask: Asker, sql: str) -> str:
    """One letter a column: `-` proven not null, `N` may be NULL."""
    ask.skip_before(sql)
    parsed = ask.server.parse(sql)
    assert isinstance(parsed, Parsed), parsed
    assert parsed.main is not None
    return "".join("N" if p.nullable else "-" for p in prove(parsed.main, ask.catalog))


def check(ask: Asker, sql: str, expected: str) -> None:
    assert shown(ask, sql) == expected
    # Wrapping a query must not change the answer.
    if sql.lstrip().startswith("select") and " as whole" not in sql:
        width = len(expected)
        names = ", ".join(f"c{i}" for i in range(width))
        assert shown(ask, f"select * from ({sql}) as w({names}) where true") == expected
        assert shown(ask, f"with w({names}) as ({sql}) table w") == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("interactions i join providers p on p.id = i.provider_id", "--"),
        ("interactions i left join providers p on p.id = i.provider_id", "-N"),
        ("interactions i right join providers p on p.id = i.provider_id", "N-"),
        ("interactions i full join providers p on p.id = i.provider_id", "NN"),
        ("interactions i cross join providers p", "--"),
        ("interactions i, providers p", "--"),
        ("interactions i left join (providers p join loose l on true) on true", "-N"),
        ("(interactions i left join providers p on true) right join loose l on true", "NN"),
        ("(interactions i left join providers p on true) join loose l on l.b = p.name", "--"),
    ],
)
def test_a_column_declared_not_null_is_so_unless_an_outer_join_may_leave_it_out(
    ask, tables, expected
):
    check(ask, f"select i.model, p.name from {tables}", expected)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("true", "NNN"),
        ("p.id is not null", "--N"),
        ("p.name = 'x'", "--N"),
        ("p.settings is not null", "---"),
        ("p is not null", "--N"),
        ("not (p.id is null)", "--N"),
        ("p.id is null", "NNN"),
        ("p.name like 'a%' or p.mood = 'sad'", "--N"),
        ("p.name = 'a' or p.\"order\" = 1 or i.error = 'x'", "NNN"),
        ("coalesce(p.name, 'x') = 'x'", "NNN"),
        ("coalesce(p.name = 'x', false)", "--N"),
        ("coalesce(p.name = 'x', true)", "NNN"),
        ("(p.name = 'x') is true", "--N"),
        ("(p.name = 'x') is not false", "NNN"),
        ("(p.name = 'x') is not unknown", "--N"),
        ("p.name in ('a', 'b')", "--N"),
        ("p.name not in ('a', 'b')", "--N"),
        ("p.name = any ($1)", "--N"),
        ("p.name <> all ($1)", "NNN"),
        ("p.name is distinct from 'x'", "NNN"),
        ("p.name is not distinct from 'x'", "--N"),
        ("p.name in (select b from loose)", "--N"),
        ("p.name not in (select b from loose)", "NNN"),
        ("exists (select from loose where b = p.name)", "--N"),
        ("exists (select count(*) from loose where b = p.name)", "NNN"),
        ("(p.name, i.model) > ($1, $2)", "--N"),
        ("(i.model, p.name) > ($1, $2)", "NNN"),
        ("(p.name, i.model) is not null", "--N"),
        ("case when p.id is null then false else true end", "NNN"),
        ("p.settings ->> 'a' = 'x'", "---"),
        ("lower(p.name) between 'a' and 'b'", "--N"),
    ],
)
def test_a_condition_that_no_null_passes_narrows_and_undoes_the_outer_join(
    ask, condition, expected
):
    sql = f"""select p.id, p.name, p.settings
      from interactions i left join providers p on p.id = i.provider_id where {condition}"""
    check(ask, sql, expected)


def test_the_condition_of_an_outer_join_narrows_only_where_it_found_its_row(ask):
    tables = "interactions i left join providers p on p.id = i.provider_id and i.error = 'x'"
    check(ask, f"select i.provider_id, i.error, p.id from {tables}", "NNN")
    check(ask, f"select i.provider_id, i.error, p.id from {tables} where p.mood = 'sad'", "---")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("b || 'x'", "N"),
        ("coalesce(b, 'x')", "-"),
        ("coalesce(b, b)", "N"),
        ("nullif('x', 'x')", "N"),
        ("greatest(a, 1)", "-"),
        ("least(a, a)", "N"),
        ("case when a > 1 then 'x' end", "N"),
        ("case when a > 1 then 'x' else 'y' end", "-"),
        ("case when b is not null then b else 'y' end", "-"),
        ("case when b is null then 'y' else b end", "-"),
        ("case when b is null or a = 1 then 'y' else b end", "-"),
        ("case when b is null and a = 1 then 'y' else b end", "N"),
        ("case a when 1 then a else 0 end", "-"),
        ("case 1 when 1 then a else 0 end", "N"),
        ("a is null", "-"),
        ("(a = 1) is unknown", "-"),
        ("a is distinct from 1", "-"),
        ("a = 1", "N"),
        ("a is not null and a > 1", "-"),
        ("a is null or a > 1", "-"),
        ("a is null and a > 1", "N"),
        ("a in (1, 2)", "N"),
        ("1 in (1, 2)", "-"),
        ("1 in (1, null)", "N"),
        ("1 = any ('{1,2}'::int[])", "-"),
        ("1 = any ('{1,NULL}'::int[])", "N"),
        ("row(a, b)", "-"),
        ("row(a, b) < row(1, 'x')", "N"),
        ("array[a]", "-"),
        ("(array[1])[1]", "N"),
        ("(array[1])[1:2]", "-"),
        ("array(select a from loose)", "-"),
        ("exists (select from loose)", "-"),
        ("(select name from providers limit 1)", "N"),
        ("(select count(*) from providers)", "-"),
        ("(select max(name) from providers)", "N"),
        ("(select 1)", "-"),
        ("(select l.a)", "N"),
        ("1 in (select id from tags)", "-"),
        ("1 in (select a from loose)", "N"),
        ("current_date", "-"),
        ("current_user", "-"),
        ("current_schema", "N"),
        ("now()", "-"),
        ("'x'::required", "-"),
        ("a::text", "N"),
        ("1::text", "-"),
        ("null", "N"),
        ("json_build_object('a', a)", "-"),
        ("concat(a, b)", "-"),
        ("concat(variadic array[b])", "-"),
        ("concat(variadic null::text[])", "N"),
        ("format(b, a)", "N"),
        ("format('%s', a)", "-"),
        ("int4range(a, a)", "-"),
        ("$1::int", "N"),
        ("no_such('x')", "N"),
        ("l.tableoid", "-"),
        ("l.ctid", "-"),
        ("l", "-"),
    ],
)
def test_expressions(asker, ask, expression, expected):
    if "no_such" in expression:
        ask = asker(
            "create table loose (a int, b text); create function no_such(text) returns text"
            " immutable strict language sql as $$select $1$$"
        )
    assert shown(ask, f"select {expression} as x from loose l") == expected


def test_a_parameter_that_a_condition_compares_is_not_null(ask):
    assert shown(ask, "select $1::int as x from loose where a = $1") == "-"
    assert shown(ask, "select (select $1::int) as x from loose where a = $1") == "-"
    assert shown(ask, "select $1::int as x from loose where a = $1 or b = 'x'") == "N"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select :x::int as x", "-"),
        ("select :x::int + 1 as x, (select :x::int) as y", "--"),
        ("select :x?::int as x", "N"),
        ("-- default: x None\nselect :x::int as x", "N"),
        ("-- default: x 1\nselect :x::int as x", "-"),
        ("select :x::int as x, coalesce(:x, 1) as y", "N-"),
        ("select :x::int as x from loose where a is not distinct from :x", "N"),
        ("insert into loose (a) values (:x) returning a", "N"),
        ("insert into tags (id) values (:x) returning :x::int as x", "-"),
        ("select x from (values (:x::int), (null)) v (x)", "N"),
        ("select x from providers p left join (select :x::int as x) y on p.name = 'a'", "N"),
    ],
)
def test_a_parameter_that_takes_no_none_is_not_null(ask, sql, expected):
    columns = ask(sql).columns
    assert "".join("N" if column.nullable else "-" for column in columns) == expected


def test_what_such_a_parameter_writes_is_returned(ask):
    columns = ask("insert into loose (a) values (:x) returning a, :x::int as x").columns
    # Of what is written nothing is proven on servers that may compute a child's column.
    written = ask.server.version < CHILDREN_ARE_ALIKE
    assert [column.nullable for column in columns] == [written, False]


def test_a_condition_on_a_whole_expression_holds_for_the_same_expression(ask):
    where = "from providers where settings ->> 'a' is not null"
    check(ask, f"select settings ->> 'a', settings ->> 'b' {where}", "-N")
    volatile = "from tags where nullif(random(), 1) is not null"
    assert shown(ask, f"select nullif(random(), 1) {volatile}") == "N"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select count(*), sum(id), max(id), array_agg(id) from tags", "-NNN"),
        ("select count(*), sum(id), max(id), array_agg(id) from tags group by names", "----"),
        ("select sum(a), array_agg(a), max(b) from loose group by b", "N-N"),
        ("select sum(id) from tags having count(*) > 0", "-"),
        ("select sum(id) from tags having count(id) >= 1 and max(id) > 7", "-"),
        ("select sum(id) from tags having count(*) >= 0", "N"),
        ("select sum(id) from tags having count(*) > 0 or true", "N"),
        ("select max(n) from (select count(*) as n from loose) q", "-"),
        ("select max(n) from (select count(*) as n from loose) q where n > 1", "N"),
        ("select max(v) from (values (1), (2)) as q(v) left join tags on true", "-"),
        ("select max(v) from (values (1)) as q(v) group by rollup(v)", "-"),
        ("select (array_agg(id order by names))[1] from tags group by names", "-"),
        ("select (array_agg(id))[2] from tags group by names", "N"),
        ("select (array_agg(id))[1] from tags", "N"),
        ("select (array_agg(a))[1], (array_agg(array[1]))[1] from loose group by b", "NN"),
        ("select (array_agg(a) filter (where a = 1))[1] from loose group by b", "N"),
        ("select b, max(b) from loose where b > 'x' group by b", "--"),
        (
            "select max(id) filter (where id > 1), count(*) filter (where id > 1)"
            " from tags group by names",
            "N-",
        ),
        ("select id, max(id), count(*), grouping(id) from tags group by rollup (id)", "NN--"),
        ("select id, max(id) from tags group by grouping sets ((id), (names))", "N-"),
        ("select id, max(id) from tags group by grouping sets ((id), ())", "NN"),
        ("select id, max(id) from tags group by grouping sets ((id), rollup (names))", "NN"),
        ("select id, max(id) from tags group by id, rollup (names)", "N-"),
        ("select id, max(id) from tags group by cube (id, names)", "NN"),
        ("select max(id) from tags group by ()", "N"),
        ("select stddev(id), stddev_pop(id) from tags group by names", "N-"),
        ("select percentile_cont(0.5) within group (order by id) from tags group by names", "-"),
        ("select percentile_cont(0.5) within group (order by a) from loose group by b", "N"),
        ("select max(b) from loose group by a having max(b) is not null", "-"),
        ("select a + 1 from loose group by a + 1 having a + 1 > 2", "-"),
        ("select string_agg(name, ',') from providers group by mood", "-"),
        ("select (select max(t.id)) from tags t group by t.names", "N"),
        ("select (select count(t.id)) from tags t group by t.names", "-"),
    ],
)
def test_aggregates_need_a_group_with_a_row_and_values(ask, sql, expected):
    assert shown(ask, sql) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("row_number() over ()", "-"),
        ("rank() over (order by id)", "-"),
        ("ntile(4) over ()", "-"),
        ("ntile($1) over ()", "N"),
        ("lag(id) over ()", "N"),
        ("lag(id, 1, 0) over ()", "-"),
        ("lag(id, 1, null) over ()", "N"),
        ("first_value(id) over (order by id)", "-"),
        ("nth_value(id, 1) over ()", "N"),
        ("sum(id) over ()", "-"),
        ("sum(id) filter (where id > 1) over ()", "N"),
        ("sum(id) over (order by id)", "-"),
        ("sum(id) over (rows between 1 preceding and current row)", "-"),
        ("sum(id) over (rows between 2 preceding and 1 preceding)", "N"),
        ("sum(id) over (rows between 1 following and 2 following)", "N"),
        ("sum(id) over (rows between 1 preceding and current row exclude current row)", "N"),
        ("sum(id) over (order by id groups 1 preceding exclude group)", "N"),
        ("sum(id) over (rows between 1 preceding and 1 following exclude ties)", "-"),
        ('case when "größe" is not null then sum("größe") over () else 0 end', "N"),
    ],
)
def test_window_functions_need_a_frame_that_holds_the_row(ask, call, expected):
    assert shown(ask, f"select {call} as x from tags") == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select name from providers union select b from loose", "N"),
        ("select name from providers union all select model from interactions", "-"),
        ("select name from providers intersect select b from loose", "-"),
        ("select b from loose intersect select name from providers", "-"),
        ("select name from providers except select b from loose", "-"),
        ("select b from loose except select name from providers", "N"),
        ("(select 1, null union select 2, 'x') union select 3, 'y'", "-N"),
        ("values (1, null), (2, 'x')", "-N"),
        ("values (1, 'y'), (2, 'x')", "--"),
    ],
)
def test_set_operations_and_values(ask, sql, expected):
    check(ask, sql, expected)


def test_a_recursive_query_has_what_each_of_its_steps_keeps(ask):
    recursive = (
        "with recursive r(a, b, c) as (select 1, 1, 1 union all select {} from r) select * from r"
    )
    assert shown(ask, recursive.format("a + 1, b, c")) == "---"
    assert shown(ask, recursive.format("b, c, nullif(c, 1)")) == "NNN"
    assert shown(ask, recursive.format("a, c, nullif(c, 1)")) == "-NN"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("generate_series(1, 3) with ordinality as f(a, b)", "--"),
        ("unnest($1::int[]) with ordinality as f(a, b)", "N-"),
        ("unnest(array[1, 2]) with ordinality as f(a, b)", "--"),
        ("unnest(array[1, null]) with ordinality as f(a, b)", "N-"),
        ("unnest(array[1], array['x']) as f(a, b)", "NN"),
        ("jsonb_each('{}') as f(a, b)", "--"),
        ("jsonb_each_text('{}') as f(a, b)", "-N"),
        ("rows from (generate_series(1, 2), generate_series(1, 3)) as f(a, b)", "NN"),
        ("jsonb_to_record('{}') as f(a int, b text)", "NN"),
        ("(values (1, 'x')) as f(a, b)", "--"),
        ("(select 1, b from loose) as f(a, b)", "-N"),
        ("lateral (select 1, 'x' where false) as f(a, b)", "--"),
        ("lower('X') with ordinality as f(a, b)", "--"),
        ("substring('b' from 'a') with ordinality as f(a, b)", "N-"),
    ],
)
def test_items_in_from(ask, source, expected):
    assert shown(ask, f"select f.a, f.b from {source}") == expected


def test_a_strict_function_in_from_was_given_no_null_where_it_returned_a_row(ask):
    assert shown(ask, "select l.a from loose l, generate_series(1, l.a)") == "-"
    assert shown(ask, "select l.a from loose l left join generate_series(1, l.a) on true") == "N"


def test_sets_in_the_select_list(ask):
    assert shown(ask, "select generate_series(1, 2)") == "-"
    assert shown(ask, "select generate_series(1, 2), generate_series(1, 3)") == "NN"
    assert shown(ask, "select unnest(array[1, null])") == "N"


def test_a_full_join_using_always_has_one_of_its_sides(ask):
    tables = "tags t full join (select id from tags) u using (id)"
    check(ask, f"select id, t.id, u.id from {tables}", "-NN")
    check(ask, f"select id from loose l left join ({tables}) on true", "N")
    tables = "(select a from loose) t full join (select id as a from tags) u using (a)"
    check(ask, f"select a from {tables}", "N")


def test_what_a_condition_says_of_a_view_reaches_what_shares_its_join(ask):
    assert shown(ask, "select id, model, name from listed") == "--N"
    assert shown(ask, "select id, model, name from listed where name > 'a'") == "---"
    tables = "interactions i left join providers p on p.id = i.provider_id"
    view = f"select i.id, p.id as pid, p.name from {tables}"
    check(ask, f"select v.pid, v.name from ({view}) v where v.pid is not null", "--")
    union = f"({view} union all {view})"
    check(ask, f"select v.pid, v.name from {union} v where v.pid is not null", "--")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into tags (id, names) values ($1, $2) returning id, names, note", "--N"),
        ("insert into tags (id, names) values ($1, $2) returning old.id, new.id", "N-"),
        ("update tags set note = $1 where note = 'x' returning note, old.note, new.id", "N--"),
        (
            "update tags t set note = l.b from loose l where l.b = t.note returning t.note, l.b",
            "--",
        ),
        (
            "update tags t set note = 'x' from loose l left join providers p on true"
            " returning p.id",
            "N",
        ),
        ("delete from tags where note = 'x' returning note, old.note, new.id", "--N"),
        ("delete from tags returning id, note", "-N"),
        ("update tags set note = 'x' where id = 1 returning (select note), tags", "--"),
        ("update tags set names = $1 where note = 'x' returning note", "-"),
        ('update tags set "größe" = nullif(1, 2) returning "größe"', "N"),
        ("insert into tags (id, names, note) values (1, '{}', 'x') returning note", "-"),
        (
            "insert into tags (id, names, note, \"größe\") values (1, '{}', 'x', 1),"
            " (2, '{}', 'y', null) returning note, \"größe\"",
            "-N",
        ),
        (
            "insert into tags (id, names, note) select id, names, 'x' from tags"
            " on conflict do nothing returning note",
            "-",
        ),
        (
            "insert into tags (id, names, note) values (1, '{}', 'x')"
            " on conflict (id) do update set names = '{}' returning note",
            "N",
        ),
        (
            "insert into tags (id, names, note) values (1, '{}', 'x')"
            " on conflict (id) do update set note = excluded.note returning note",
            "-",
        ),
        (
            "insert into tags (id, names, note) values (1, '{}', $1)"
            " on conflict (id) do update set note = excluded.note returning note",
            "N",
        ),
        (
            "insert into tags (id, names, note) values (1, '{}', 'x')"
            " on conflict (id) do update set note = tags.note returning note",
            "N",
        ),
        ("update parts set v = 'x' returning v", "-"),
    ],
)
def test_returning_is_judged_after_the_change(ask, sql, expected):
    found = shown(ask, sql)
    if ask.server.version < CHILDREN_ARE_ALIKE:
        # Nothing is proven there of what was written, only of what is declared.
        assert [(f, e) for f, e in zip(found, expected, strict=True) if f < e] == []
        return
    assert found == expected
    if "select" not in sql:
        width = len(expected)
        names = ", ".join(f"c{i}" for i in range(width))
        assert shown(ask, f"with w({names}) as ({sql}) table w") == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ("when matched then update set note = l.b", "--N--"),
        ("when matched then delete", "--N-N"),
        ("when not matched then insert (id, names) values (1, '{}')", "--NN-"),
        ("when not matched by source then delete", "-NN-N"),
        ("when not matched by source then do nothing when matched then delete", "-NN-N"),
    ],
)
def test_merge_may_act_where_one_side_is_missing(ask, actions, expected):
    source = "(select 1 as one, b from loose) l"
    sql = f"merge into tags t using {source} on t.id = l.one {actions}"
    assert shown(ask, sql + " returning t.id, l.one, t.note, old.id, new.id") == expected


@needs_messages
def test_triggers_instead_of_a_change_promise_nothing(ask):
    assert shown(ask, "insert into triggered values ($1, $2) returning id, name") == "NN"
    assert shown(ask, "select id, name from triggered") == "--"
    assert shown(ask, "insert into plain values ($1, $2) returning id, name") == "--"


def test_descendants_may_lack_what_their_parent_promises(asker, databases):
    with databases.database() as url, Server(url) as server:
        if server.version < 180000:
            pytest.skip("NOT NULL with a name, NO INHERIT or NOT VALID came with 18")
    family = asker(
        "create table parent (a int constraint n not null no inherit, b int not null);"
        "create table child () inherits (parent);"
        "create table late (a int); insert into late values (null);"
        "alter table late add constraint n not null a not valid"
    )
    assert shown(family, "select a, b from parent") == "N-"
    assert shown(family, "select a, b from only parent") == "--"
    assert shown(family, "select a from late") == "N"


def test_columns_of_unknown_functions_and_materialized_views_may_be_null(asker):
    made = asker(
        "create table t (a int not null);"
        "create materialized view m as select a from t;"
        "create function f() returns setof t language sql as 'select * from t';"
        "create function g() returns t language sql as 'select * from t'"
    )
    assert shown(made, "select m.a, f.a, g.a from m, f(), g()") == "NNN"


@needs_messages
def test_the_reason_names_what_decides_and_its_place(ask):
    sql = "select i.id, p.name, i.error from interactions i"
    sql += " left join providers p on p.id = i.provider_id"
    sql += " where i.error = 'x'"
    parsed = ask.server.parse(sql)
    first, second, third = prove(parsed.main, ask.catalog)
    assert (first.reason, first.location) == ("not null: interactions.id is declared NOT NULL", 7)
    assert second.reason == "null: the LEFT JOIN may find no row of providers"
    assert second.location == sql.index("p.name")
    assert third.reason == "not null: a condition lets no NULL of interactions.error through"
    assert third.location == sql.index("i.error = ")


def test_five_hundred_statements_are_judged_within_a_second(ask):
    parsed = ask.server.parse(
        "select v.*, (select count(*) from tags), coalesce(p.name, 'x') from listed v"
        " left join providers p on p.id = v.id where v.model = $1 and p.mood = 'sad'"
    )
    started = time.process_time()
    for _ in range(500):
        prove(parsed.main, ask.catalog)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", "--"),
        ("create trigger g after update on t for each row execute function f()", "--"),
        ("create trigger g before update on t execute function f()", "--"),
        ("create trigger g before update on t for each row execute function f()", "NN"),
        ("create trigger g before insert on t_1 for each row execute function f()", "NN"),
        # A rule acts on the statements of its own event; a row that moves is none of them.
        ("create rule r as on delete to t do also select 1", "--"),
    ],
)
def test_what_set_gives_is_returned_unless_a_trigger_or_a_rule_may_alter_it(asker, extra, expected):
    made = asker(
        "create table t (id int, v text, g int generated always as (id) stored)"
        " partition by list (id);"
        "create table t_1 partition of t for values in (1);"
        "create function f() returns trigger language plpgsql as 'begin return new; end';" + extra
    )
    assert shown(made, "update t set id = 1 returning g") == "N"
    if made.server.version < CHILDREN_ARE_ALIKE:
        expected = "NN"
    assert shown(made, "update t set v = 'x' returning v") == expected[0]
    assert shown(made, "update t set v = 'x' returning v, new.v") == expected


def test_a_subquery_of_one_row_is_found_by_every_left_join_on_true(ask):
    figures = "(select count(*) as n, max(id) as m from tags where tags.id = l.a) f"
    check(ask, f"select f.n, f.m from loose l left join lateral {figures} on true", "-N")
    check(ask, f"select f.n from loose l left join lateral {figures} on l.a = 1", "N")
    several = "(select id from tags where tags.id = l.a) f"
    check(ask, f"select f.id from loose l left join lateral {several} on true", "N")
    check(ask, "select f.n from loose l full join (select count(*) as n from tags) f on true", "N")
    check(ask, "select l.a, f.n from (select 1 as a) l right join (select 1 as n) f on true", "N-")


def test_one_side_of_a_full_join_gives_coalesce_a_value(ask):
    tables = "tags t full join (select id, note from tags) u on t.id = u.id"
    check(ask, f"select coalesce(t.id, u.id) from {tables}", "-")
    check(ask, f"select coalesce(t.id, u.id, 0), coalesce(t.note, u.note) from {tables}", "-N")
    check(ask, f"select coalesce(t.id, t.id) from {tables}", "N")
    check(ask, f"select coalesce(t.id, u.id) from loose l left join ({tables}) on true", "N")
    three = f"{tables} full join (select id from tags) v on v.id = u.id"
    check(ask, f"select coalesce(t.id, u.id, v.id), coalesce(t.id, v.id) from {three}", "-N")


def test_array_remove_and_array_replace_take_null(ask):
    check(ask, "select array_remove(names, null), array_replace(names, null, 'x') from tags", "--")
    check(ask, "select array_remove(array[b], $1), array_remove(null::int[], 1) from loose", "-N")
