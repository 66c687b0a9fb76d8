"""A database and a way to ask what one statement means in it."""

import os
import re

import psycopg
import pytest

from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.shapes import analyse_shapes
from salacia_db.codegen.analysis.views import with_views
from salacia_db.codegen.facts import Dialect, Query, SourceFile, Statement
from salacia_db.codegen.source import parse_file

SHOP = """
create type mood as enum ('fine', 'sad');
create domain positive as int check (value > 0);
create domain required as text not null;
create table providers (
  id uuid primary key,
  name text not null unique,
  "order" int,
  mood mood not null default 'fine',
  settings jsonb
);
create table interactions (
  id uuid primary key,
  provider_id uuid references providers,
  model varchar(20) not null,
  error text,
  tokens positive,
  created_at timestamptz not null default now()
);
create table loose (a int, b text);
create table tags (id int primary key, names text[] not null, note required, "größe" int);
create view listed as
  select i.id, i.model, p.name from interactions i left join providers p on p.id = i.provider_id;
create view plain as select id, name from providers;
create table parts (id int primary key, v text) partition by range (id);
create table parts_1 partition of parts for values from (0) to (100);
create table ruled (id int primary key, v text not null);
create rule quiet as on update to ruled do instead nothing;
create view triggered as select id, name from providers;
create function no_op() returns trigger language plpgsql as 'begin return new; end';
create trigger instead instead of insert on triggered for each row execute function no_op();
create schema billing;
create table billing.providers (id int primary key, v numeric not null);
"""


# What older servers lack, and the version that brought it.
_CAME_WITH = (
    (18, r"\b(old|new)\.\w"),
    (17, r"\bnot matched by\b|^merge\b.* returning\b|\bjson_(value|table)\("),
    (16, r"\bpg_input_is_valid\("),
    (15, r"^merge\b"),
)
needs_messages = pytest.mark.skipif(
    os.environ.get("SALACIA_TEST_ROUTE") == "bodies",
    reason="bodies of functions are not rewritten, and hold no places",
)


class Asker:
    """Asks one database; `url` leads to it, for those that also want to run something."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.server = Server(url)
        self.catalog = with_views(load(self.server), self.server)

    def skip_before(self, sql: str) -> None:
        """Skip the test where the server is older than what the statement is about."""
        for major, words in _CAME_WITH:
            if self.server.version < major * 10000 and re.search(words, sql):
                pytest.skip(f"PostgreSQL {major} brought what `{sql}` is about")

    def outcome(self, sql: str, kind: str = "many", dialect: Dialect = "salacia") -> Outcome:
        """What the analysis finds."""
        return analyse_shapes(statement(sql, kind, dialect), self.server, self.catalog)

    def __call__(self, sql: str, kind: str = "many", dialect: Dialect = "salacia") -> Query:
        """The query; there must be no problem."""
        outcome = self.outcome(sql, kind, dialect)
        assert outcome.query is not None, [p.render() for p in outcome.problems]
        assert not outcome.problems, [p.render() for p in outcome.problems]
        return outcome.query

    def problem(self, sql: str, kind: str = "many", dialect: Dialect = "salacia") -> str:
        """The only problem, as a person sees it."""
        outcome = self.outcome(sql, kind, dialect)
        assert len(outcome.problems) == 1, [p.render() for p in outcome.problems]
        return outcome.problems[0].render()

    def run(self, sql: str, *arguments: object, before: str = "") -> list[tuple]:
        """Run a statement with `$1` parameters; what it returns. Nothing is committed."""
        connection = psycopg.connect(self.url)
        try:
            if before:
                connection.execute(before)
            cursor = psycopg.RawCursor(connection)
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []
        finally:
            connection.rollback()
            connection.close()


def statement(sql: str, kind: str = "many", dialect: Dialect = "salacia") -> Statement:
    """A statement as if it stood in q.sql, its text on line 2."""
    file = SourceFile("q.sql", f"-- name: q :{kind}\n{sql}\n;\n")
    statements, problems = parse_file(file, "q", None, dialect)
    assert not problems, [p.render() for p in problems]
    return statements[0]


def parameters(query: Query) -> list[tuple[str, str, bool]]:
    """Name, type and whether None may be given."""
    return [(p.name, p.type.display, p.nullable) for p in query.parameters]


def fields(query: Query) -> list[str]:
    """The names of the row's fields."""
    return [field.name for field in query.fields]
