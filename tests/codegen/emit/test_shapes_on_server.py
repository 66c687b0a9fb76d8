"""Statements with optional lines, generated and run: as if a person had written each of them."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.schema import schema
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.shapes import analyse_shapes
from salacia_db.codegen.emit import File, Options, emit, write
from salacia_db.codegen.facts import SourceFile
from salacia_db.codegen.source import parse_file
from salacia_db.codegen.source.inclusion import included
from salacia_db.codegen.source.lexer import lex
from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import UNSET, Dynamic

SCHEMA = """
create table providers (id int primary key, name text not null);
create table messages (
  id int primary key,
  provider_id int references providers,
  model text not null,
  error text,
  tokens int,
  created_at timestamptz not null
);
insert into providers select n, 'p' || n from generate_series(1, 3) n;
insert into messages
select n, nullif(n % 4, 0), 'm' || n % 3, case when n % 5 = 0 then 'e' || n % 2 end,
       nullif(n % 7, 0), '2025-01-01'::timestamptz + n * interval '7 hours'
from generate_series(1, 60) n;
"""


class Shop:
    """A database with some rows, and what is generated for it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.server = Server(url)
        self.catalog: Catalog = load(self.server)
        self._folder = folder
        self._names = (f"shapes_{number}" for number in count())

    def statements(self, sql: str) -> list[Any]:
        """The constants of the generated module, in the order of the statements."""
        read, problems = parse_file(SourceFile("q.sql", sql), "q", None, "salacia")
        read, more = included(read)
        outcomes = [analyse_shapes(s, self.server, self.catalog) for s in read]
        problems += more + [p for outcome in outcomes for p in outcome.problems]
        queries = [outcome.query for outcome in outcomes if outcome.query]
        name = next(self._names)
        files, emitted = emit(queries, schema(self.catalog), Options(name, {}, {}))
        assert not (problems + emitted), [p.render() for p in problems + emitted]
        write([File(f.path, f.text) for f in files], self._folder / name)
        module = importlib.import_module(f"{name}.q")
        return [getattr(module, f"_{query.statement.name.upper()}") for query in queries]

    def run(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """What a statement returns, and the rows that it leaves; it is undone."""
        with psycopg.connect(self.url) as connection:
            cursor = psycopg.RawCursor(connection)
            cursor.execute(sql.encode(), values)
            rows = cursor.fetchall() if cursor.description else []
            rows += connection.execute("select * from messages order by id").fetchall()
            connection.rollback()
            return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("generated")
    sys.path.insert(0, str(folder))
    with scratch_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA)
        made = Shop(url, folder)
        yield made
        made.server.close()
    sys.path.remove(str(folder))


Given = dict[str, object]
Line = tuple[str, str | None, str | None]  # text, what it depends on, and its value

VALUES: Given = {
    "model": "m1",
    "since": datetime(2025, 1, 5, tzinfo=UTC),
    "few": 3,
    "name": "p2",
    "error": "e1",
    "extra": "m2",
    "limit": 7,
}
FILTERS: list[Line] = [
    ("i.model = :model", "model", None),
    ("i.created_at >= :since", "since", None),
    ("i.tokens in (\n  select :few::int\n  union select 1\n)", "few", None),
    ("exists (\n  select from providers p\n  where p.id = i.provider_id\n    and p.name = :name\n)",
     "name", None),
    ("i.error is not null", "failed", "true"),
    ("i.error is null", "failed", "false"),
    ("(i.error = :error or i.error is null)", "error", None),
    ("i.id > 2", None, None),
]  # fmt: skip
KEYS: dict[str, tuple[list[str], list[str] | None]] = {
    "newest": (["i.created_at desc, i.id desc"], ["i.created_at, i.id"]),
    "model": (
        ["i.model", "i.tokens desc nulls last, i.id"],
        ["i.model desc", "i.tokens nulls first, i.id desc"],
    ),
    "tokens": (["coalesce(i.tokens, 3), i.id desc"], None),
}
QUERIES: list[Line] = [
    ("wanted as (\n  select :name::text as name\n)", "name", None),
    ("others as (select 1)", None, None),
    ("messages as (\n  select * from messages where model <> :extra\n)", "extra", None),
]

_plans = st.fixed_dictionaries(
    {
        "filters": st.lists(st.sampled_from(FILTERS), max_size=5, unique=True),
        "queries": st.lists(st.sampled_from(QUERIES), max_size=3, unique=True),
        "keys": st.lists(st.sampled_from(sorted(KEYS)), max_size=3, unique=True),
        "reversed": st.booleans(),
        "leading": st.booleans(),
        "own_line": st.booleans(),
        "limit": st.booleans(),
    }
)


def chosen(line: Line, given: Given | None) -> bool:
    _, name, value = line
    return given is None or name is None or (name in given and value in (None, given[name]))


def listed(lines: Sequence[Line], given: Given | None, separator: str, leading: bool) -> str:
    """The lines of a list, with their conditions where all are written."""
    rows: list[str] = []
    kept = [line for line in lines if chosen(line, given)]
    for index, (text, name, value) in enumerate(kept):
        condition = ""
        if name and given is None:
            condition = f" -- if :{name}" + (f" = {value}" if value else "")
        if leading and index:
            text = f"{separator} {text}"
        elif not leading and index < len(kept) - 1:
            text = f"{text} {separator}"
        first, *rest = text.split("\n")
        rows += [first + condition, *rest]
    return "\n".join(rows)


def query(plan: dict[str, Any], given: Given | None) -> str:
    """The SELECT of a plan: with its conditions (None), or as a person writes it."""
    gap = "\n" if plan["own_line"] else " "
    parts: list[str] = []
    if any(chosen(line, given) for line in plan["queries"]):
        parts.append(f"with{gap}{listed(plan['queries'], given, ',', leading=False)}")
    parts.append("select i.id, i.model\nfrom messages i")
    if any(chosen(line, given) for line in plan["filters"]):
        parts.append(f"where{gap}{listed(plan['filters'], given, 'and', plan['leading'])}")
    if plan["keys"]:
        parts.append("order by\n" + order(plan, given))
    if plan["limit"]:
        limit: list[Line] = [("limit :limit", "limit", None)]
        parts.append(listed(limit, given, "", leading=False))
    return "\n".join(part for part in parts if part)


def order(plan: dict[str, Any], given: Given | None) -> str:
    if given is not None:
        straight, reverse = KEYS[str(given["sort"]).removeprefix("not_")]
        return ",\n".join((reverse or []) if str(given["sort"]).startswith("not_") else straight)
    rows: list[str] = []
    for key in plan["keys"]:
        straight, reverse = KEYS[key]
        both = f"{key} / not_{key}" if plan["reversed"] and reverse else key
        rows += [f"{text}, -- sort: {both}" for text in straight]
    rows[-1] = rows[-1].replace(", -- sort", " -- sort")
    return "\n".join(rows)


def choices(plan: dict[str, Any]) -> Iterator[Given]:
    """Everything that can be given to a plan's function."""
    lines = [*plan["filters"], *plan["queries"], ("", "limit" if plan["limit"] else None, None)]
    names = sorted({name for _, name, value in lines if name and not value})
    states: list[list[Given]] = [[{}, {name: VALUES[name]}] for name in names]
    if any(name == "failed" for _, name, _ in lines):
        states.append([{}, {"failed": "true"}, {"failed": "false"}])
    keys: list[Given] = []
    for key in plan["keys"]:
        keys.append({"sort": key})
        if plan["reversed"] and KEYS[key][1]:
            keys.append({"sort": f"not_{key}"})
    for found in product(*states, keys or [{}]):
        yield {name: value for one in found for name, value in one.items()}


def tokens(sql: str) -> list[str]:
    return [token.text for token in lex(sql) if token.significant]


def put_together(statement: Dynamic, given: Given) -> tuple[str, tuple[Any, ...]]:
    """The text and the arguments that the run time makes of what is given."""
    flags: Given = {"true": True, "false": False}
    names = [*statement._parameters, *(name for _, name, _ in statement._switches._choices)]
    values = [given.get(name) for name in names]
    made, picked = statement.choose(*(flags.get(str(v), v) for v in values))
    return made.sql, tuple(picked)


def by_hand(sql: str, given: Given) -> tuple[str, tuple[Any, ...]]:
    """The same of a text that has no optional lines."""
    (found,), problems = parse_file(
        SourceFile("q.sql", f"-- name: it :exec\n{sql}\n"), "q", None, "salacia"
    )
    assert not problems
    assert not found.optional
    return found.sql, tuple(given[str(use.name)] for use in found.parameters)


def check(shop: Shop, statement: Dynamic, given: Given, expected: str) -> None:
    text, values = put_together(statement, given)
    assert text.startswith("-- q."), "the first line names the query in every shape"
    own, own_values = by_hand(expected, given)
    assert tokens(text) == tokens(own)
    assert shop.run(text, values) == shop.run(own, own_values)


_settings = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


@_settings
@given(_plans)
def test_a_query_is_what_a_person_would_write(shop: Shop, plan: dict[str, Any]) -> None:
    text = query(plan, None)
    assume(" -- " in text)
    (statement,) = shop.statements(f"-- name: it :many\n{text}\n")
    for number, chosen_ in enumerate(choices(plan)):
        if number < 40:
            check(shop, statement, chosen_, query(plan, chosen_))


COLUMNS: list[Line] = [
    ("model = :model", "model", None),
    ("error = :error", "error", None),
    ("tokens = (\n  select :few::int\n)", "few", None),
    ("created_at = created_at", None, None),
]


@_settings
@given(
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True),
    st.booleans(),
    st.booleans(),
)
def test_an_update_is_what_a_person_would_write(
    shop: Shop, columns: list[Line], leading: bool, found: bool
) -> None:
    def update(given: Given | None) -> str:
        return (
            f"update messages set\n{listed(columns, given, ',', leading)}\n"
            f"where id = {5 if found else 0} returning *"
        )

    names = [name for _, name, _ in columns if name]
    assume(names)
    (statement,) = shop.statements(f"-- name: it :one\n{update(None)}\n")
    for flags in product((False, True), repeat=len(names)):
        given = {n: VALUES[n] for n, flag in zip(names, flags, strict=True) if flag}
        given |= {"error": UNSET} if "error" in names and "error" not in given else {}
        expected = update({name: value for name, value in given.items() if value is not UNSET})
        if not any(chosen(line, given) for line in columns if line[1] != "error") and (
            given.get("error", UNSET) is UNSET
        ):
            expected = f"select * from messages where id = {5 if found else 0}"
            text, values = put_together(statement, given)
            assert shop.run(text, values) == shop.run(expected, ())
        else:
            check(shop, statement, given, expanded(expected))


def expanded(update: str) -> str:
    columns = ("id", "provider_id", "model", "error", "tokens", "created_at")
    return update.replace("*", ", ".join(f"messages.{column}" for column in columns))


def test_unset_in_an_insert_is_the_default_and_none_is_null(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("alter table messages alter error set default 'none yet'")
    (statement,) = shop.statements(
        "-- name: it :exec\n"
        "insert into messages (\n  id, model, created_at,\n  error, -- if :error\n"
        "  tokens -- if :few\n)\nvalues (\n  100, 'm', now(),\n  :error, -- if :error\n"
        "  :few -- if :few\n)\n"
    )
    for wanted, expected in (
        ({"error": UNSET, "few": UNSET}, ("none yet", None)),
        ({"error": None, "few": 4}, (None, 4)),
        ({"error": "e", "few": None}, ("e", None)),
    ):
        rows = shop.run(*put_together(statement, wanted))
        assert [(row[3], row[4]) for row in rows if row[0] == 100] == [expected]


def test_lines_taken_over_stand_in_each_statement_as_in_their_own(shop: Shop) -> None:
    filters = listed(FILTERS[:-1], None, "and", leading=True)
    statements = shop.statements(
        f"-- name: list :many\nselect i.id from messages i\nwhere true\nand {filters}\n\n"
        "-- name: total :one\nselect count(*) from messages i\nwhere i.id > 2 -- where: list\n\n"
        "-- name: per_model :many\nselect i.model, count(*) from messages i\n"
        "where ( -- where: total_filter\n  i.id > 2\n)\ngroup by i.model order by i.model\n\n"
        "-- name: total_filter :one\nselect count(*) from messages i\nwhere true -- where: list\n"
    )
    _, total, per_model, _ = statements
    plan = {"filters": FILTERS[:-1], "queries": [], "keys": [], "limit": False}
    for number, wanted in enumerate(choices(plan)):
        if number % 7 == 0:
            kept = "\nand ".join(line[0] for line in FILTERS[:-1] if chosen(line, wanted))
            more = f"\nand {kept}" if kept else ""
            check(shop, total, wanted, f"select count(*) from messages i\nwhere i.id > 2{more}")
            check(
                shop,
                per_model,
                wanted,
                "select i.model, count(*) from messages i\n"
                f"where ( i.id > 2 ){more}\ngroup by i.model order by i.model",
            )
