"""Plain SQL files make the schema, a dump as it is among them."""

from pathlib import Path

import psycopg
import pytest

from salacia_db.codegen.analysis.scripts import run_files, split
from salacia_db.codegen.facts import SourceFile
from salacia_db.postgres import PostgresError, dump
from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import Binaries, find_binaries
from salacia_db.postgres.scratch import ScratchDatabases

PG_DUMP = Path(find_binaries(server_account()).program("pg_dump"))

DUMP = r"""--
-- PostgreSQL database dump
--
\restrict x4

SET statement_timeout = 0;
SET setting_of_the_future = 0;
SET client_encoding = 'LATIN1';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE DATABASE other;
\connect other
CREATE TABLE public.tägs (id int, t text DEFAULT 'a;b'); -- ; not here
ALTER TABLE public."tägs" OWNER TO "some body";
CREATE FUNCTION public.f() RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
CREATE FUNCTION public.g() RETURNS int LANGUAGE sql AS $_$ select ';'; select 1 $_$;
COPY public."tägs" (id, t) FROM stdin;
1	it's; $$ "
\.


GRANT SELECT ON TABLE public."tägs" TO reader;
CREATE POLICY p ON public."tägs" TO reader USING (true);
\unrestrict x4
"""


@pytest.fixture
def url(databases: ScratchDatabases):
    with databases.database() as made:
        yield made


def run(url: str, *texts: str, own_server: bool = True) -> list[str]:
    files = tuple(SourceFile(f"{i}.sql", text) for i, text in enumerate(texts, 1))
    return [p.render() for p in run_files(url, files, own_server=own_server)]


def names(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " union select proname from pg_proc where pronamespace = 'public'::regnamespace"
        )
        return {row[0] for row in rows}


def test_a_dump_runs_as_it_is(url: str) -> None:
    problems = run(url, DUMP)
    assert len(problems) == 1, problems
    (problem,) = problems
    assert problem.startswith("1.sql:17:1: warning: the rows of COPY are passed over")
    assert names(url) == {"tägs", "f", "g"}


def test_a_file_after_a_dump_has_its_search_path_again(url: str) -> None:
    assert (
        run(url, "select set_config('search_path', '', false);", "create table here (a int)") == []
    )
    assert names(url) == {"here"}


def test_elsewhere_roles_are_left_alone(url: str) -> None:
    texts = (
        "create table t (a int); alter table t owner to nobody_here;"
        "grant select on t to nobody_here; revoke all on t from nobody_here;"
        "alter default privileges for role nobody_here grant select on tables to nobody_here;"
        "create role made_here; set role nobody_here;"
    )
    assert run(url, texts, own_server=False) == []
    with psycopg.connect(url) as connection:
        found = connection.execute("select from pg_roles where rolname ~ '_here$'").fetchall()
    assert found == []


def test_elsewhere_a_policy_needs_its_role(url: str) -> None:
    text = "create table t (a int); create policy p on t to nobody_here"
    (problem,) = run(url, text, own_server=False)
    assert 'role "nobody_here" does not exist' in problem


def test_an_error_has_its_place(url: str) -> None:
    (problem,) = run(url, "create table t (\n  ä int,\n\tb integr\n);")
    assert problem == (
        '1.sql:3:4: error: type "integr" does not exist\n    3 | \tb integr\n      | \t  ^^^^^^'
    )


def test_an_error_without_place_is_shown_at_its_statement(url: str) -> None:
    (problem,) = run(url, "create table t (a int);\n\ncreate table t (\n b int)")
    assert problem.startswith(
        '1.sql:3:1: error: relation "t" already exists\n    3 | create table t ('
    )


def test_all_errors_are_told_but_not_what_follows_from_them(url: str) -> None:
    problems = run(
        url,
        "create table a (x integr); create index on a (x);",
        "create table b (x int); selec 1; create table b (x int); create table c (x int)",
    )
    assert [p.partition("\n")[0] for p in problems] == [
        '1.sql:1:19: error: type "integr" does not exist',
        '2.sql:1:25: error: syntax error at or near "selec"',
        '2.sql:1:34: error: relation "b" already exists',
    ]
    assert {"b", "c"} <= names(url)


def test_a_missing_extension_is_named(url: str) -> None:
    (problem,) = run(url, "create extension no_such_thing; create table t (a no_such_thing)")
    assert "hint: install no_such_thing on the server, or name one that has it" in problem


def test_psqls_other_commands_are_refused(url: str) -> None:
    problems = run(url, "\\i more.sql\n\\gexec\ncreate table t (a int);")
    assert [p.partition("\n")[0] for p in problems] == [
        "1.sql:1:1: error: \\i is a command of psql",
        "1.sql:2:1: error: \\gexec is a command of psql",
    ]


@pytest.mark.parametrize("text", ["", ";;", "-- nothing\n", "/* ; */ ;", "\\restrict x"])
def test_nothing_to_run(text: str) -> None:
    assert split(SourceFile("x.sql", text)) == ([], [])


def test_statements_are_cut_where_they_end() -> None:
    text = (
        "select ';' ; create rule r as on insert to t do (select 1; select 2);\n"
        "create function f() begin atomic select case when 1=1 then 1 end; end; begin; end; commit"
    )
    found, _ = split(SourceFile("x.sql", text))
    assert [one.sql for one in found] == [
        "select ';'",
        "create rule r as on insert to t do (select 1; select 2)",
        "create function f() begin atomic select case when 1=1 then 1 end; end",
        "begin",
        "end",
        "commit",
    ]


@pytest.mark.skipif(not PG_DUMP.exists(), reason="these programs are without pg_dump")
def test_a_dump_of_this_server_can_be_read(
    url: str, tmp_path: Path, databases: ScratchDatabases
) -> None:
    from asking import SHOP

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHOP)
    with databases.database() as other:
        assert run(other, dump.dump_schema(url)) == []
        assert names(other) == names(url)


def test_programs_without_pg_dump_are_named(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "find_binaries", lambda account: Binaries(tmp_path, "18.0"))
    with pytest.raises(PostgresError, match=r"can't start .*pg_dump: No such file") as caught:
        dump.dump_schema(url)
    assert "SALACIA_PG_BIN" in str(caught.value)
