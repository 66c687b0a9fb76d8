"""A parameter's type, its name, whether it takes None, and the column it belongs to."""

import pytest
from asking import Asker, needs_messages, parameters

from salacia_db.codegen.facts import ColumnRef, TableRef


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from loose where a = $1", [("a", "integer", False)]),
        ("select * from loose where $1 = a", [("a", "integer", False)]),
        ("select * from loose where a = any($1)", [("a", "integer[]", False)]),
        (
            "select * from loose where a in ($1, $2)",
            [("a", "integer", False), ("a_2", "integer", False)],
        ),
        (
            "select * from loose where a between $1 and $2",
            [("a", "integer", False), ("a_2", "integer", False)],
        ),
        (
            "select * from loose where (a, b) > ($1, $2)",
            [("a", "integer", False), ("b", "text", False)],
        ),
        ("select * from interactions where model like $1", [("model", "text", False)]),
        (
            "select * from loose limit $1 offset $2",
            [("limit", "bigint", False), ("offset", "bigint", False)],
        ),
        ("select abs($1::int)", [("arg1", "integer", False)]),
        ("select * from (select a as x from loose) s where x = $1", [("a", "integer", False)]),
        (
            "with w as (select a as x from loose) select * from w where x = $1",
            [("a", "integer", False)],
        ),
        ("select * from listed where name = $1", [("name", "text", False)]),
        ("select * from loose x join loose y using (a) where a = $1", [("a", "integer", False)]),
        ("insert into loose values ($1, $2)", [("a", "integer", True), ("b", "text", True)]),
        ("insert into loose (b) values ($1), ($2)", [("b", "text", True), ("b_2", "text", True)]),
        ("insert into loose (b) select $1 from tags", [("b", "text", True)]),
        (
            "insert into tags (id, names) values ($1, $2)",
            [("id", "integer", False), ("names", "text[]", False)],
        ),
        (
            "insert into providers (id, name, mood) values ($1, 'x', $2)",
            [("id", "uuid", False), ("mood", "mood", False)],
        ),
        (
            "insert into interactions (id, model) values ($1, $2)",
            [("id", "uuid", False), ("model", "character varying", False)],
        ),
        ("update loose set b = $1 where a = $2", [("b", "text", True), ("a", "integer", False)]),
        ("update loose set b = lower($1)", [("arg1", "text", False)]),
        (
            "update loose set (a, b) = (select $1::int, $2)",
            [("a", "integer", True), ("b", "text", True)],
        ),
        (
            "update tags set (id, note) = (select $1::int, $2), names = '{}'",
            [("id", "integer", False), ("note", "text", False)],
        ),
        ("update loose set a = (select $1::int)", [("arg1", "integer", False)]),
        ("update loose set b = $1 = any(select b from loose)", [("arg1", "text", False)]),
        ("update tags set names[$1] = $2", [("arg1", "integer", False), ("arg2", "text", True)]),
        ("update tags set names[1:2] = $1", [("arg1", "text[]", False)]),
        (
            "update loose set b = case when a > $1 then $2 else b end",
            [("a", "integer", False), ("b", "text", True)],
        ),
        pytest.param(
            "update plain set name = $1 where id = $2",
            [("name", "text", False), ("id", "uuid", False)],
            marks=needs_messages,
        ),
        pytest.param(
            "insert into plain values ($1, $2)",
            [("id", "uuid", False), ("name", "text", False)],
            marks=needs_messages,
        ),
        (
            "insert into tags (id, names) values ($1, '{}')"
            " on conflict (id) do update set note = $2",
            [("id", "integer", False), ("note", "required", False)],
        ),
        ("update interactions set tokens = $1", [("tokens", "positive", True)]),
        ("update loose set b = coalesce($1, b)", [("b", "text", True)]),
        ("update tags set names = coalesce($1, names)", [("names", "text[]", True)]),
        ("select * from loose where $1::int is null or a = $1", [("a", "integer", True)]),
        ("select * from loose where a is not distinct from $1", [("a", "integer", True)]),
        ("update loose set b = $1 where b = $1", [("b", "text", False)]),
        ("insert into loose (b) values ($1) returning b || $1", [("b", "text", False)]),
        (
            "merge into loose l using tags t on l.a = t.id when matched then update set b = $1"
            " when not matched then insert values ($2, 'x')",
            [("b", "text", True), ("a", "integer", True)],
        ),
        (
            "select * from loose where a = (select id from tags where note = $1 limit 1)",
            [("note", "text", False)],
        ),
    ],
)
def test_the_tree_tells(ask: Asker, sql: str, expected: list[tuple[str, str, bool]]) -> None:
    ask.skip_before(sql)
    query = ask.outcome(sql, "exec").query
    assert query is not None
    assert parameters(query) == expected


def test_a_name_in_the_file_stays(ask: Asker) -> None:
    query = ask("select * from loose where a = :first and b = :b and a <> :first")
    assert parameters(query) == [("first", "integer", False), ("b", "text", False)]


def test_the_file_decides_over_the_tree(ask: Asker) -> None:
    query = ask("select * from loose where a = :a? and b = :b")
    assert parameters(query) == [("a", "integer", True), ("b", "text", False)]


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("select * from interactions where provider_id = $1", "provider_id"),
        ("update interactions set provider_id = $1 where id = $1", "provider_id"),
        ("select * from interactions where id = $1 or provider_id = $1", None),
        ("select $1::uuid", None),
    ],
)
def test_the_column_behind_a_parameter(ask: Asker, sql: str, column: str | None) -> None:
    origin = ask.outcome(sql, "exec").query.parameters[0].origin  # type: ignore[union-attr]
    expected = None if column is None else ColumnRef(TableRef("public", "interactions"), column)
    assert origin == expected


def test_a_type_that_nothing_tells_is_asked_for(ask: Asker) -> None:
    assert ask.problem("select 'ü', :x is null as y") == (
        "q.sql:2:13: error: PostgreSQL can't tell the type of parameter `x`\n"
        "    2 | select 'ü', :x is null as y\n"
        "      |             ^^\n"
        "  hint: cast it: :x::text"
    )


def test_two_types_for_one_parameter(ask: Asker) -> None:
    assert ask.problem("select * from loose\nwhere a = :x and b = :x") == (
        "q.sql:3:22: error: parameter `x` is used with two types: integer and text\n"
        "    3 | where a = :x and b = :x\n"
        "      |                      ^^\n"
        "  hint: cast it: :x::text"
    )


def test_the_cast_that_is_proposed_helps(ask: Asker) -> None:
    query = ask("select * from loose where a = :x and b = :x::text")
    assert parameters(query) == [("x", "integer", False)]


def test_two_types_for_one_value_to_store(ask: Asker) -> None:
    problem = ask.problem(
        "insert into interactions (id, model, error) values (:id, :x, :x)", "exec"
    )
    assert "parameter `x` is used with two types: character varying and text" in problem
    assert "hint: cast it: :x::text" in problem
