"""The catalog tells what holds for every row, not what a flag says."""

from collections.abc import Callable

import pytest
from asking import Asker

from salacia_db.codegen.analysis.catalog import Relation
from salacia_db.codegen.analysis.schema import schema

Make = Callable[[str], Asker]


def relation(asker: Asker, name: str) -> Relation:
    return next(r for r in asker.catalog.relations.values() if r.table.ref.name == name)


def not_null(asker: Asker, name: str) -> set[str]:
    found = relation(asker, name)
    return {c.name for c in found.table.columns if c.number in found.not_null}


def test_types_by_kind(asker: Make) -> None:
    one = asker(
        "create type mood as enum ('b', 'a', 'it''s \\ \"x\"');"
        "create domain inner_ as int not null; create domain outer_ as inner_;"
        "create type pair as (x outer_, y mood[]); create type span as range (subtype = int);"
        "comment on type mood is 'How it goes'"
    )
    types = {t.name: t for t in one.catalog.types.values() if t.schema == "public"}
    assert types["mood"].labels == ("b", "a", 'it\'s \\ "x"')
    assert types["mood"].comment == "How it goes"
    assert types["outer_"].element is types["inner_"]
    assert (types["inner_"].not_null, types["outer_"].not_null) == (True, False)
    assert [(n, t.name) for n, t in types["pair"].attributes] == [("x", "outer_"), ("y", "_mood")]
    array = types["_mood"]
    assert (array.kind, array.element, array.display) == ("array", types["mood"], "mood[]")
    assert types["span"].kind == "range"
    assert types["span"].element == one.catalog.types[23]
    assert types["span_multirange" if "span_multirange" in types else "spanmultirange"].kind == (
        "multirange"
    )
    builtin = {t.name: t.kind for t in one.catalog.types.values() if t.schema == "pg_catalog"}
    assert builtin["point"] == builtin["name"] == builtin["text"] == "base"
    assert builtin["_text"] == builtin["int2vector"] == "array"
    assert builtin["anyarray"] == builtin["record"] == "pseudo"


def test_columns_without_what_was_dropped(asker: Make) -> None:
    one = asker(
        "create table t (a int, b int not null default 1, c int generated always as (a) stored,"
        " d int generated always as identity, gone int);"
        "alter table t drop column gone; alter table t add e text;"
        "comment on table t is 'A table'; comment on column t.b is 'B'"
    )
    table = relation(one, "t").table
    shown = [(c.name, c.not_null, c.has_default, c.generated) for c in table.columns]
    assert shown == [
        ("a", False, False, False),
        ("b", True, True, False),
        ("c", False, False, True),
        ("d", True, True, False),
        ("e", False, False, False),
    ]
    assert (table.comment, table.columns[1].comment) == ("A table", "B")
    assert table.columns[4].number == 6


def test_not_null_means_every_row_that_is_read(asker: Make) -> None:
    one = asker(
        "create table parent (a int not null, b int not null, c int);"
        "create table child () inherits (parent);"
        "create table parted (a int not null, b int) partition by list (a);"
        "create table part partition of parted default;"
    )
    if one.server.version < 180000:
        one = asker(
            "create table parent (a int not null, b int not null, c int);"
            "create table child () inherits (parent); alter table child alter b drop not null;"
            "create table parted (a int not null, b int) partition by list (a);"
            "create table part partition of parted default;"
        )
        assert not_null(one, "parent") == {"a"}
    else:
        assert not_null(one, "parent") == {"a", "b"}
    assert relation(one, "parent").not_null_alone == {1, 2}
    assert not_null(one, "parted") == {"a"}


def test_constraints_that_dont_hold_yet_or_not_below(asker: Make) -> None:
    one = asker("select 1")
    if one.server.version < 180000:
        pytest.skip("such constraints came with 18")
    one = asker(
        "create table t (a int, b int, c int not null);"
        "insert into t values (null, null, 1);"
        "alter table t add constraint later not null a not valid;"
        "create table parent (a int, constraint own not null a no inherit);"
        "create table child () inherits (parent)"
    )
    assert not_null(one, "t") == {"c"}
    assert not_null(one, "parent") == set()
    assert relation(one, "parent").not_null_alone == {1}


def test_foreign_tables_promise_nothing(asker: Make) -> None:
    one = asker(
        "create foreign data wrapper w; create server s foreign data wrapper w;"
        "create foreign table f (a int not null) server s;"
        "create table parted (a int not null) partition by list (a);"
        "create foreign table part partition of parted default server s"
    )
    for name in ("f", "parted"):
        assert not_null(one, name) == set()
        assert relation(one, name).foreign


def test_keys_that_hold_for_every_row(asker: Make) -> None:
    one = asker(
        "create table t (a int primary key, b text unique, c int, d int, e text, f int,"
        " unique (c, d), unique (d, a) deferrable initially deferred);"
        "create unique index on t (lower(e)); create unique index on t (f) where f > 0;"
        "create unique index on t (e text_pattern_ops);"
        'create unique index on t (e collate "C") include (f);'
        "create table parent (a int primary key); create table child () inherits (parent);"
        "create table parted (a int primary key) partition by list (a)"
    )
    found = relation(one, "t")
    assert set(found.keys) == {frozenset({1}), frozenset({2}), frozenset({3, 4})}
    assert found.table.primary_key == ("a",)
    assert found.table.unique_keys[0] == ("a",)
    assert relation(one, "parent").keys == ()
    assert relation(one, "parent").keys_alone == (frozenset({1}),)
    assert relation(one, "parted").keys == (frozenset({1}),)


def test_triggers_rules_and_policies(asker: Make) -> None:
    one = asker(
        "create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create table t (a int); create table child () inherits (t);"
        "create trigger one before insert or update on t for each row execute function f();"
        "create trigger off after delete on t for each row execute function f();"
        "alter table t disable trigger off;"
        "create trigger below after delete on child execute function f();"
        "create function allowed(int) returns bool language sql as 'select true';"
        "alter table t enable row level security; create policy p on t using (allowed(a));"
        "create view v as select a from t; create view w as select a from t;"
        "create rule r as on insert to w do instead nothing"
    )
    found = relation(one, "t")
    shown = {(t.name, t.timing, t.per_row, t.events) for t in found.triggers}
    assert shown == {
        ("one", "before", True, frozenset({"insert", "update"})),
        ("below", "after", False, frozenset({"delete"})),
    }
    assert found.row_security
    called = {one.catalog.functions[oid].name for oid in found.policy_functions}
    assert called == {"allowed"}
    assert not relation(one, "v").rules
    assert relation(one, "w").rules


def test_what_equals(ask: Asker) -> None:
    names = {ask.catalog.operators[oid][0] for oid in ask.catalog.equality}
    assert names == {"=", "*="}  # the latter compares records by their bytes
    (oid,) = (o.oid for o in ask.catalog.functions.values() if o.name == "int4eq")
    assert oid in {ask.catalog.operators[o][1] for o in ask.catalog.equality}


def test_views_prove_their_columns(ask: Asker) -> None:
    shown = {c.name: c.not_null for c in relation(ask, "listed").table.columns}
    assert shown == {"id": True, "model": True, "name": False}


def test_the_schema_has_what_is_the_users(asker: Make) -> None:
    one = asker(
        "create schema b; create table b.t (a int); create table a (x int);"
        "create view v as select 1;"
        "create type mood as enum ('x'); create type pair as (x int);"
        "create table parted (x int) partition by list (x);"
        "create table part partition of parted default;"
        "create schema salacia_migrations; create table salacia_migrations.migration (x int);"
        "create table _yoyo_log (x int); create extension citext"
    )
    found = schema(one.catalog)
    assert [(t.ref.schema, t.ref.name, t.kind) for t in found.tables] == [
        ("b", "t", "r"),
        ("public", "a", "r"),
        ("public", "parted", "p"),
        ("public", "v", "v"),
    ]
    assert [t.name for t in found.enums] == ["mood"]
    assert [t.name for t in found.composites] == ["pair"]
