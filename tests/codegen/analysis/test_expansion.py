"""Stars and whole rows are written out, in the text and in the row."""

import pytest
from asking import Asker, fields, needs_messages

from salacia_db.codegen.analysis.server import Parsed
from salacia_db.codegen.facts import NestedField, TableRef


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        (
            "select * from providers",
            'select providers.id, providers.name, providers."order", providers.mood,'
            " providers.settings from providers",
        ),
        (
            "select p.* from providers as p",
            'select p.id, p.name, p."order", p.mood, p.settings from providers as p',
        ),
        ("select * from billing.providers", "select providers.id, providers.v from"),
        ("select billing.providers.* from billing.providers", "billing.providers.v from"),
        ('select "P".* from loose as "P"', 'select "P".a, "P".b from'),
        ("select 'ä€😀' as x, l.* from loose l", "'ä€😀' as x, l.a, l.b from"),
        ('select "größe", t.* from tags t', 't.note, t."größe" from'),
        ("select * from tags", 'tags."größe" from'),
        ("select * from loose union all select * from loose", "union all select loose.a, loose.b"),
        (
            "with x as (select * from loose) select * from x",
            "(select * from loose) select x.a, x.b",
        ),
        ("select * from (select * from loose) s", "select s.a, s.b from (select * from loose) s"),
        ("select * from (values (1, 'x')) v (n, t)", "select v.n, v.t from"),
        ("select * from loose x join loose y using (a)", "select x.a, x.b, y.b from"),
        ("select * from loose x full join loose y using (a)", "select a, x.b, y.b from"),
        ("select * from (loose x cross join tags) as j", "select j.a, j.b, j.id, j.names"),
        ("select * from generate_series(1, 2)", "select generate_series.generate_series from"),
        ("select * from listed", "select listed.id, listed.model, listed.name from listed"),
        ("select *, 1 as one from loose", "select loose.a, loose.b, 1 as one from loose"),
        ("select count(*) as n, l.* from loose l group by a, b", "as n, l.a, l.b from"),
        ("select id, p.* from providers p group by p.id", "select id, p.id, p.name"),
        ("insert into loose values (1, 'x') returning *", "returning loose.a, loose.b"),
        ("insert into loose as l values (1, 'x') returning l.*", "returning l.a, l.b"),
        (
            "update loose l set a = 1 from tags returning *",
            "returning l.a, l.b, tags.id, tags.names",
        ),
        ("delete from loose returning *", "returning loose.a, loose.b"),
        ("update plain set name = 'x' returning *", "returning plain.id, plain.name"),
        ("select l from loose l", "select l.a, l.b from loose l"),
        ("select i.id, p as provider from interactions i, providers p", "i.id, p.id, p.name"),
        ("select i.id, p provider from interactions i, providers p", "p.settings from"),
        (
            "select distinct on (l.a) l from loose l",
            "select distinct on (l.a) l.a, l.b from loose l",
        ),
    ],
)
def test_what_is_meant_is_written(ask: Asker, sql: str, expanded: str) -> None:
    query = ask.outcome(sql).query
    assert query is not None
    assert expanded in " ".join(query.sql.split())


@pytest.mark.parametrize(
    "sql",
    [
        "select * from loose x join tags on true full join loose y using (a)",
        "select i.*, l.* from interactions i cross join loose l",
        'select * from (select 1 as "a ""b", 2 as "select", 3 as "true") "Odd"',
        "select * from (select 1 as a) x, (select 2 as a) y",
        "select * from loose limit 3",
        "select /* * */ l.* -- *\n from loose l",
    ],
)
def test_the_written_columns_are_those_of_the_star(ask: Asker, sql: str) -> None:
    query = ask(sql)
    before, after = ask.server.parse(sql), ask.server.parse(query.sql)
    assert query.sql != sql
    assert isinstance(before, Parsed)
    assert isinstance(after, Parsed)
    assert [(c.name, c.type) for c in after.columns] == [(c.name, c.type) for c in before.columns]
    assert ask.run(query.sql) == ask.run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from loose",
        "select 2 * 3 as six",
        "table loose",
        "select (l).* from loose l",
    ],
)
def test_what_is_no_star_stays(ask: Asker, sql: str) -> None:
    assert ask(sql).sql == sql


def test_what_newer_servers_can(ask: Asker) -> None:
    if ask.server.version >= 160000:
        assert ask("select * from (select 1 as a, 2 as b)").sql.startswith("select a, b from")
    if ask.server.version >= 180000:
        query = ask("update loose set a = 1 returning old, new")
        assert query.sql.endswith("returning old.a, old.b, new.a, new.b")


def test_a_whole_row_is_a_nested_field(ask: Asker) -> None:
    query = ask("select i, p from interactions i join providers p on p.id = i.provider_id")
    assert query.fields == (
        NestedField("i", TableRef("public", "interactions"), 0, 6, None),
        NestedField("p", TableRef("public", "providers"), 6, 11, None),
    )


def test_a_row_that_may_be_missing_is_told_by_a_column_that_is_never_null(ask: Asker) -> None:
    query = ask(
        "select i, p as owner from interactions i left join providers p on p.id = i.provider_id"
    )
    _, owner = query.fields
    assert owner == NestedField("owner", TableRef("public", "providers"), 6, 11, found=6)


def test_without_such_a_column_a_marker_tells(ask: Asker) -> None:
    query = ask(
        "select t.id, l from (values (1), (2), (3)) t (id) left join loose l"
        " on l.a = t.id or (l.a is null and t.id = 3) order by t.id"
    )
    assert query.fields[1] == NestedField("l", TableRef("public", "loose"), 1, 3, 3, marker=True)
    # A row of NULLs only is a row too.
    rows = ask.run(query.sql, before="insert into loose values (1, 'x'), (null, null)")
    assert rows == [(1, 1, "x", False), (2, None, None, True), (3, None, None, False)]


def test_a_single_row_that_is_always_there_is_the_row_itself(ask: Asker) -> None:
    query = ask("insert into loose values ($1, $2) returning loose", "one")
    assert fields(query) == ["a", "b"]
    assert query.table == TableRef("public", "loose")


def test_columns_with_one_name_get_fields_with_several(ask: Asker) -> None:
    query = ask("select p.id, q.id, q.id as id_2, p from providers p, providers q")
    assert fields(query) == ["id", "id_2", "id_2_2", "p"]


def test_a_position_in_order_by_that_would_shift_keeps_the_row_whole(ask: Asker) -> None:
    outcome = ask.outcome("select l, t.id from loose l, tags t order by 2")
    assert outcome.query is not None
    assert outcome.query.sql == "select l, t.id from loose l, tags t order by 2"
    (problem,) = outcome.problems
    assert problem.severity == "warning"
    assert problem.position() == ("q.sql", 2, 8)
    assert "order by expressions" in (problem.hint or "")


def test_a_column_without_a_name_must_get_one(ask: Asker) -> None:
    assert ask.problem("select id, id + 1 from tags") == (
        "q.sql:2:12: error: column 2 of the result has no name\n"
        "    2 | select id, id + 1 from tags\n"
        "      |            ^^\n"
        "  hint: name it: `… as name`"
    )


def test_alone_it_needs_none(ask: Asker) -> None:
    assert fields(ask("select 1 + 1")) == ["value"]


def test_in_the_dialect_of_sqlc_it_is_numbered(ask: Asker) -> None:
    assert fields(ask("select id, id + 1 from tags", dialect="sqlc")) == ["id", "column_2"]


@needs_messages
def test_a_rule_makes_whole_rows_untrue(ask: Asker) -> None:
    problem = ask.problem("insert into triggered values ($1, $2) returning triggered, 1 as one")
    assert "may be NULL in columns in which its table never is" in problem
