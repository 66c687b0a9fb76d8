"""A partial unique index is a key where the conditions of the query hold its predicate."""

import psycopg
import pytest

from tests.codegen.analysis.asking import Asker

SCHEMA = """
create table providers (id int primary key, name text, is_default bool not null, kind text,
  tenant int, deleted_at timestamptz);
create unique index on providers (is_default) where is_default;
create unique index on providers (tenant) where deleted_at is null;
create unique index on providers (name, kind) where kind = 'a' and tenant > 3;
create unique index on providers (lower(name)) where is_default;
create table other (id int primary key, tenant int, deleted_at timestamptz);
create table parent (id int, gone bool);
create unique index on parent (id) where not gone;
create table child () inherits (parent);
create view living as select * from providers where deleted_at is null;
insert into providers values
  (1, 'x', true, 'a', 5, null), (2, 'x', false, 'b', 5, now()), (3, 'y', false, 'a', 4, null);
insert into other values (1, 5, null), (2, 4, null), (3, 5, now());
"""


@pytest.fixture(scope="module")
def ask(databases) -> Asker:
    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return Asker(url)


@pytest.mark.parametrize(
    "sql",
    [
        "select id from providers where is_default",
        "select id from providers where is_default and name = 'x'",
        "select id from providers p where tenant = 5 and p.deleted_at is null",
        "select id from living where tenant = 5",
        "select id from providers where name = 'x' and tenant > 3 and kind = 'a'",
        "select p.id from other o join providers p on p.tenant = o.tenant and p.deleted_at is null"
        " where o.id = 1",
        "select p.id from other o left join providers p"
        " on p.tenant = o.tenant and p.deleted_at is null where o.id = 1",
        "select p.id from other o left join providers p on p.tenant = o.tenant"
        " where o.id = 1 and p.deleted_at is null",
        "update providers set name = 'z' where is_default returning id",
    ],
)
def test_one_row_at_most(ask, sql):
    assert ask(sql, "one").cardinality == "optional"
    assert len(ask.run(sql)) <= 1


@pytest.mark.parametrize(
    "sql",
    [
        "select id from providers where tenant = 5",
        "select id from providers where not is_default",
        "select id from providers where is_default or tenant = 1",
        "select id from providers where tenant = 5 and deleted_at is not null",
        "select id from providers where deleted_at is null",
        "select id from providers where name = 'x' and kind = 'a'",
        "select id from providers where name = 'x' and kind = 'a' and tenant > 2",
        "select id from providers where lower(name) = 'x' and tenant > 3",
        # The condition is another table's, or says nothing of the rows that are kept.
        "select p.id from providers p, other o where p.tenant = 5 and o.deleted_at is null",
        "select p.id from providers p left join other o on o.id = 1 and p.deleted_at is null"
        " where p.tenant = 5",
        "select p.id from providers p full join other o on o.id = p.id and o.deleted_at is null"
        " where p.tenant = 5",
        "select id from providers p where tenant = 5"
        " and exists (select from other o where o.deleted_at is null)",
        # The index of a parent says nothing of its children.
        "select id from parent where id = 1 and not gone",
    ],
)
def test_several_rows(ask, sql):
    assert ask(sql).cardinality == "many"


def test_the_key_is_told(ask):
    assert ask("select id from providers where is_default", "one").rows_reason == (
        "conditions fix the unique key (is_default) of providers"
    )
