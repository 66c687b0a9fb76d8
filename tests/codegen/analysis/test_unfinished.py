"""What is refused without a server is what PostgreSQL refuses, at the same place."""

from pathlib import Path

import pytest
from asking import Asker, statement

from salacia_db.codegen.analysis.project import analyse_project
from salacia_db.codegen.analysis.schema import SchemaFiles
from salacia_db.codegen.analysis.unfinished import unfinished
from salacia_db.codegen.facts import SourceFile

REFUSED = [
    "selec id from providers",
    "sel",
    "updat providers set name = ''",
    "withh a as (select 1) select 1",
    "select id,",
    "select id, from",
    "select p.",
    "select count(",
    "select id from",
    "select id from providers where",
    "select id from providers p join interactions i on",
    "select id from providers order",
    "select id from providers limit",
    "select id from providers where id =",
    "select id::",
    "select 1 +",
    "select 1 as",
    "select name from providers union",
    "insert into",
    "insert into providers (id, name) values ('', '') returning",
    "update providers set name =",
    "delete from",
    "with a as (select 1) select 'é' ||",
    "select id from providers where -- a comment",
]
ACCEPTED = [
    "select * from providers",
    "select",
    "select p.* from providers p",
    'select id as "from" from providers',
    "select id as from",
    "select name as where",
    "values (1)",
    "table providers",
    "set enable_seqscan = on",
    "(select 1)",
    "insert into providers values (default) returning *",
    "frobnicate",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_refused_is_refused_by_the_server_too(ask: Asker, sql: str) -> None:
    found = unfinished(statement(sql))
    assert found is not None
    assert found.severity == "error"
    (told,) = ask.outcome(sql).problems
    assert told.message.startswith("syntax error")


@pytest.mark.parametrize("sql", REFUSED[:1] + REFUSED[8:14])
def test_the_server_would_have_said_the_same(ask: Asker, sql: str) -> None:
    found = unfinished(statement(sql))
    (told,) = ask.outcome(sql).problems
    assert found is not None
    assert (found.message, found.position(), found.hint) == (
        told.message, told.position(), told.hint
    )  # fmt: skip


@pytest.mark.parametrize("sql", ACCEPTED)
def test_what_may_be_meant_is_left_to_the_server(sql: str) -> None:
    assert unfinished(statement(sql)) is None


def test_no_server_is_started_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = SchemaFiles((SourceFile("schema.sql", "create table t (id int not null);"),))
    known = statement("select id from t")
    analyse_project([known], schema, cache=tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("a server is started")

    monkeypatch.setattr("salacia_db.codegen.analysis.project.prepared", refuse)
    found = analyse_project([known, statement("select id from t where")], schema, cache=tmp_path)
    assert [query.statement for query in found.queries] == [known]
    (problem,) = found.problems
    assert problem.message == "syntax error at end of input"
