"""An UPDATE or DELETE never loses its whole WHERE by what a caller leaves out."""

import pytest

from salacia_db.codegen.facts import SourceFile, Statement
from salacia_db.codegen.source import parse_file
from salacia_db.codegen.source.unfiltered import unfiltered


def parsed(sql: str) -> Statement:
    (statement,), problems = parse_file(
        SourceFile("sql/q.sql", f"-- name: q :exec\n{sql}\n"), "q", None, "salacia"
    )
    assert problems == []
    return statement


@pytest.mark.parametrize(
    ("sql", "message", "line"),
    [
        ("delete from t\nwhere id = :id -- if :id", "without `id` this deletes every row", 3),
        (
            "update t set\n  a = 1\nwhere a = :a -- if :a\n  and b = :b -- if :b\nreturning a",
            "without `a` and `b` this changes every row",
            4,
        ),
        (
            "update t set a = (select max(b) from u where c = 1)\nfrom v\n"
            "where\n  t.x = :x -- if :x",
            "without `x` this changes every row",
            4,
        ),
        (
            "with gone as (\n  delete from t using u\n  where t.id = :id -- if :id\n"
            "  returning t.id\n)\nselect id from gone where id > 1",
            "without `id` this deletes every row",
            4,
        ),
        ("delete from t\nwhere b -- if :all = false", "without `all` this deletes every row", 3),
    ],
)
def test_a_where_that_may_go_whole_is_refused(sql: str, message: str, line: int) -> None:
    problem = unfiltered(parsed(sql))
    assert problem is not None
    assert problem.message == message
    assert problem.render().startswith(f"sql/q.sql:{line}:")
    assert "where true" in (problem.hint or "")


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t\nwhere true\n  and id = :id -- if :id",
        "delete from t where a = 1\n  and id = :id -- if :id",
        "select id from t\nwhere id = :id -- if :id",
        "with x as ( -- if :x = true\n  delete from t\n  where id = 1\n)\nselect 1",
        "update t set a = (\n  select max(b) from u\n  where c = :c -- if :c\n)\nwhere id = 1",
        "insert into t (id) values (:id)\non conflict (id) do update set a = 1\n"
        "where t.b = :b -- if :b",
        "update t set\n  a = :a -- if :a\nwhere id = :id",
    ],
)
def test_any_other_where_may_go(sql: str) -> None:
    assert unfiltered(parsed(sql)) is None
