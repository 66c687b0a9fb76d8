"""`-- where:`: another statement's optional lines go where a condition is, and nowhere else."""

import pytest

from salacia_db.codegen.facts import SourceFile, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source import parse_file
from salacia_db.codegen.source.inclusion import included

SEARCH = (
    "-- name: search :many\nselect id from t\nwhere a is not null\n  and id = :id -- if :id\n\n"
)


def taken(sql: str) -> tuple[Statement | None, list[Problem]]:
    text = f"{SEARCH}-- name: other :many\n{sql}\n"
    statements, problems = parse_file(SourceFile("sql/q.sql", text), "q", None, "salacia")
    assert problems == []
    found, problems = included(statements)
    return next((s for s in found if s.name == "other"), None), problems


@pytest.mark.parametrize(
    "sql",
    [
        "select id from t where true -- where: search",
        "select id from t\nwhere a is distinct from b -- where: search\norder by id",
        "select id from t where id in (\n  select id from t where true -- where: search\n)",
        "select id from t where id in (select id from u order by id) -- where: search",
        "select id from t group by id\nhaving true -- where: search",
        "select t.id from t join u on true -- where: search",
    ],
)
def test_the_lines_go_behind_a_condition(sql: str) -> None:
    found, problems = taken(sql)
    assert problems == []
    assert found is not None
    assert [parameter.name for parameter in found.parameters] == ["id"]


@pytest.mark.parametrize(
    "sql",
    [
        "select id from t -- where: search",
        "select id from t where true order by id -- where: search",
        "select id from t where true union select id from t -- where: search",
        "select id from t where id in (\n  select id from t -- where: search\n)",
    ],
)
def test_where_no_condition_is_they_are_refused(sql: str) -> None:
    found, (problem,) = taken(sql)
    assert found is None
    assert problem.message == "the lines are taken over to where no condition is"
    assert problem.hint == "write `where true -- where: search`"
    assert problem.at is not None
    assert problem.at.file.text[problem.at.start :].startswith("-- where: search")
