"""Scratch databases come and go; nothing else on the server is touched."""

import psycopg
import pytest

from salacia_db.postgres import PostgresError
from salacia_db.postgres.connection import connect, database_name
from salacia_db.postgres.scratch import ScratchDatabases, scratch_database, scratch_server

NAMES = "select datname from pg_database order by 1"


def test_it_is_dropped_at_the_end_even_with_somebody_connected(query):
    with scratch_database() as url:
        session = psycopg.connect(url)
    assert (database_name(url),) not in query(scratch_server().url(), NAMES)
    session.close()


def test_a_copy_holds_what_its_template_holds(databases, query):
    with databases.database() as template:
        query(template, "create table t as select 42 as answer")
        with databases.database(template=template) as copy:
            assert query(copy, "select answer from t") == [(42,)]
            query(copy, "drop table t")
        assert query(template, "select answer from t") == [(42,)]


def test_on_another_server_only_its_own_databases_are_touched(databases, query):
    with databases.database() as url:
        before = query(url, NAMES)
        theirs = ScratchDatabases(url)
        made = theirs.create()
        with pytest.raises(ValueError, match="not a scratch database"):
            theirs.drop(url)
        theirs.create(template=made)
        theirs.close()
        assert query(url, NAMES) == before


def test_a_user_without_the_right_is_told_so(databases, query):
    with databases.database() as url:
        query(url, "create role timid login")
        theirs = ScratchDatabases(url.replace("postgres@", "timid@"))
        with pytest.raises(PostgresError, match="may not create databases"):
            theirs.create()
        theirs.close()
        query(url, "drop role timid")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bob:s3cr3tpw@127.0.0.1:1/shop",
        "postgresql://bob:s3cr3tpw@x@127.0.0.1:1/shop",
        "postgresql://bob:x/s3cr3tpw@127.0.0.1:1/shop",
        "postgresql://bob:x?s3cr3tpw@127.0.0.1:1/shop",
        "mysql://bob:s3cr3tpw@127.0.0.1:1/shop",
    ],
)
def test_no_error_shows_the_password(url):
    with pytest.raises(PostgresError) as caught:
        connect(url)
    assert "s3cr3tpw" not in str(caught.value)
    assert caught.value.__cause__ is None
