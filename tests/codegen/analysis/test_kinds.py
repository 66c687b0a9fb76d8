"""The kind of a statement must fit what the statement does."""

from collections.abc import Callable

import pytest
from asking import Asker

from salacia_db.codegen.facts import CopyTarget, TableRef


@pytest.mark.parametrize(
    ("kind", "sql", "message"),
    [
        ("one", "select * from loose", ":one may return several rows"),
        ("one!", "select * from loose", ":one! may return several rows"),
        ("one", "delete from loose", ":one wants rows"),
        ("many", "delete from loose", ":many wants rows"),
        ("stream", "insert into loose values (1, 'x')", ":stream wants rows"),
        ("bulk", "select * from loose where a = :a", ":bulk must be an INSERT"),
        ("bulk", "insert into loose values (1, 'x')", ":bulk runs once per set"),
        ("bulk", "delete from loose where a = :a returning *", ":bulk may return several rows"),
        ("copy", "insert into loose select :a, :b", ":copy must be a plain"),
        ("copy", "insert into loose values (:a, lower(:b))", ":copy must be a plain"),
        ("copy", "insert into loose values (:a, 'x')", ":copy must be a plain"),
        ("copy", "insert into loose values (:a, :b::text)", ":copy must be a plain"),
        ("copy", "insert into loose values (:a, :b), (:c, :d)", ":copy must be a plain"),
        (
            "copy",
            "insert into tags values (:a, :b, :c, :d) on conflict do nothing",
            ":copy must be",
        ),
        ("copy", "insert into loose values (:a, :b) returning a", ":copy must be a plain"),
        ("copy", "insert into plain values (:a, :b)", ":copy needs a table"),
        ("copy", "insert into ruled values (:a, :b)", ":copy needs a table"),
        ("copy", "delete from loose where a = :a", ":copy must be a plain"),
        ("one", "explain select 1", ":one may return several rows"),
        ("one", "show all", ":one may return several rows"),
    ],
)
def test_what_doesnt_fit_is_refused_at_the_annotation(
    ask: Asker, kind: str, sql: str, message: str
) -> None:
    rendered = ask.problem(sql, kind)
    assert rendered.startswith("q.sql:1:1: error: ")
    assert message in rendered
    assert "hint: " in rendered


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("one", "select * from providers where id = :id"),
        ("one", "select * from providers limit 1"),
        ("one", "select count(*) from providers"),
        ("one!", "insert into loose values (1, 'x') returning a"),
        ("exec", "select count(*) from providers"),
        ("exec", "create table made_elsewhere (id int)"),
        ("exec", "listen news"),
        ("stream", "select * from loose"),
        ("bulk", "insert into loose values (:a, :b) returning *"),
        ("bulk", "update providers set name = :name where id = :id"),
        ("bulk", "delete from loose where a = :a"),
    ],
)
def test_what_fits(ask: Asker, kind: str, sql: str) -> None:
    assert ask(sql, kind).statement.kind == kind


def test_in_the_dialect_of_sqlc_the_first_of_several_is_taken(ask: Asker) -> None:
    outcome = ask.outcome("select * from loose", "one", "sqlc")
    assert outcome.query is not None
    assert outcome.query.cardinality == "many"
    (warning,) = outcome.problems
    assert warning.severity == "warning"
    assert "only the first is taken" in warning.message


def test_copy_follows_the_order_of_the_parameters(ask: Asker) -> None:
    query = ask("insert into tags (names, id, note) values (:names, :id, :note)", "copy")
    assert [p.name for p in query.parameters] == ["names", "id", "note"]
    assert query.copy_target == CopyTarget(TableRef("public", "tags"), ("names", "id", "note"))


def test_copy_into_a_column_with_a_length(ask: Asker) -> None:
    query = ask("insert into interactions (id, model) values (:id, :model)", "copy")
    assert query.copy_target == CopyTarget(TableRef("public", "interactions"), ("id", "model"))


@pytest.mark.parametrize("sql", ["listen news", "create table x (id int)", "set x.y = '1'"])
def test_nothing_is_promised_of_a_utility_statement(ask: Asker, sql: str) -> None:
    query = ask(sql, "exec")
    assert (query.cardinality, query.read_only, query.clean) == ("none", False, False)
    assert query.tracked is None


def test_call_and_show_return_one_row(asker: Callable[[str], Asker]) -> None:
    ask = asker("create procedure p(inout n int, out text) language sql as 'select 1, null'")
    for sql in ("call p(:n, null)", "/* the zone */ show timezone"):
        query = ask(sql, "one")
        assert query.cardinality == "one"
        assert all(column.nullable for column in query.columns)


@pytest.mark.parametrize(
    "sql", ["update loose set b = 'x' returning a", "delete from loose returning a"]
)
def test_a_limit_is_proposed_only_where_there_can_be_one(ask: Asker, sql: str) -> None:
    assert "limit 1" in ask.problem("select * from loose", "one")
    assert "limit 1" not in ask.problem(sql, "one")


@pytest.mark.parametrize("sql", ["copy loose from stdin", "/* all */ copy (select 1) to stdout"])
def test_copy_with_the_client_is_refused(ask: Asker, sql: str) -> None:
    rendered = ask.problem(sql, "exec")
    assert rendered.startswith(f"q.sql:2:{sql.index('copy') + 1}: error: ")
    assert "give the kind :copy" in rendered


def test_copy_to_a_file_of_the_server_is_not(ask: Asker) -> None:
    assert ask("copy loose to '/tmp/stdin'", "exec").cardinality == "none"


def test_rows_of_a_utility_statement_may_be_anything(ask: Asker) -> None:
    query = ask("show all")
    assert query.cardinality == "many"
    assert all(column.nullable for column in query.columns)


def test_copy_into_a_table_with_policies_is_refused(asker: Callable[[str], Asker]) -> None:
    ask = asker("create table held (id int); alter table held enable row level security")
    rendered = ask.problem("insert into held (id) values (:id)", "copy")
    assert "PostgreSQL refuses COPY into held to those for whom its policies hold" in rendered
    assert "use :bulk" in rendered


def test_copy_takes_a_select(ask: Asker) -> None:
    query = ask("select a from loose where b = :b", "copy")
    assert query.copy_target is None
    assert query.read_only
