"""Whoever migrates at once, and whatever is killed when: each migration is there once, or not."""

import signal

import pytest

from salacia_db.postgres.migrations import MigrationError

TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1"

UP = """
import sys
from salacia_db.postgres.migrations.migrator import Migrator
print([done.name for done in Migrator(sys.argv[1], sys.argv[2]).up()], flush=True)
"""

# Kills itself right after (or before) a method of the ledger, as `kill -9` might.
DIES_AT = """
import os, sys
from salacia_db.postgres.migrations.ledger import Ledger
from salacia_db.postgres.migrations.migrator import Migrator
method, after = sys.argv[3], sys.argv[4] == "after"
original = getattr(Ledger, method)
def dying(*arguments, **options):
    if after:
        original(*arguments, **options)
    os.kill(os.getpid(), 9)
setattr(Ledger, method, dying)
getattr(Migrator(sys.argv[1], sys.argv[2]), sys.argv[5])()
"""

SLEEPS = "create table half (x int);\nselect pg_sleep(60);"
SLEEPING = "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' \
and pid <> pg_backend_pid()"


def test_many_at_once_apply_each_migration_once(folder, python, query):
    # The second would fail if it ran twice; the third waits for all transactions that are open.
    folder.write("0001_x", "create table a (x int);")
    folder.write("0002_y", "select pg_sleep(0.3); create table b (x int);")
    folder.write("0003_z", "-- transactional: false\ncreate index concurrently i on a (x);")
    racing = [python(UP, folder.url, folder.path) for _ in range(3)]
    done = [process.communicate(timeout=60) for process in racing]
    outputs = sorted(out.strip() for out, _ in done)
    assert outputs == ["['0001_x', '0002_y', '0003_z']", "[]", "[]"], done


def test_waiting_has_an_end_and_names_who_is_in_the_way(folder, python, query, until):
    folder.write("0001_x", SLEEPS)
    running = python(UP, folder.url, folder.path)
    until(lambda: query(folder.url, SLEEPING), "the migration to run")
    with pytest.raises(MigrationError) as caught:
        folder.migrator(lock_wait=0.1).up()
    assert f"process {running.pid} on " in str(caught.value)
    assert "pg_terminate_backend" in str(caught.value)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_leaves_neither_a_lock_nor_half_a_migration(
    how, folder, python, query, until
):
    folder.write("0001_x", SLEEPS)
    running = python(UP, folder.url, folder.path)
    until(lambda: query(folder.url, SLEEPING), "the migration to run")
    running.send_signal(how)
    running.wait(30)
    folder.write("0001_x", "create table whole (x int);")
    assert [d.name for d in folder.migrator(lock_wait=5).up()] == ["0001_x"]
    assert query(folder.url, TABLES) == [("whole",)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_change_and_its_mark_are_one(folder, python, query, when):
    folder.write("0001_x", "create table a (x int);", "drop table a;")
    dies = python(DIES_AT, folder.url, folder.path, "add", when, "up")
    assert dies.wait(20) == -signal.SIGKILL
    assert query(folder.url, TABLES) == []
    assert folder.migrator().up()
    dies = python(DIES_AT, folder.url, folder.path, "remove", when, "down")
    assert dies.wait(20) == -signal.SIGKILL
    assert query(folder.url, TABLES) == [("a",)]
    assert folder.migrator().status()[0].state == "applied"


def test_a_crash_between_a_change_and_its_mark_outside_a_transaction_is_explained(
    folder, python, query
):
    folder.write(
        "0001_x", "-- transactional: false\ncreate table a (x int);\n\ncreate table b (x int);"
    )
    folder.write("0002_y", "create table c (x int);")
    dies = python(DIES_AT, folder.url, folder.path, "step_done", "before", "up")
    assert dies.wait(20) == -signal.SIGKILL
    assert query(folder.url, TABLES) == [("a",)]
    migrator = folder.migrator()
    assert migrator.status()[0].state == "unfinished"
    with pytest.raises(MigrationError) as caught:
        migrator.up()
    message = str(caught.value)
    assert "0001_x.sql: was interrupted being applied, outside a transaction" in message
    assert "after 0 of 2 steps, the next is on line 2" in message
    assert "salacia migrate resolve 0001_x --applied | --not-applied" in message
    query(folder.url, "drop table a")
    migrator.resolve("0001_x", applied=False)
    assert [d.name for d in migrator.up()] == ["0001_x", "0002_y"]


def test_what_was_completed_by_hand_is_resolved_as_applied(folder, python, query):
    folder.write(
        "0001_x", "-- transactional: false\ncreate table a (x int);\ncreate table b (x int);"
    )
    dies = python(DIES_AT, folder.url, folder.path, "step_done", "after", "up")
    assert dies.wait(20) == -signal.SIGKILL
    with pytest.raises(MigrationError, match="after 1 of 2 steps, the next is on line 3"):
        folder.migrator().up()
    query(folder.url, "create table b (x int)")
    folder.migrator().resolve("0001_x", applied=True)
    assert folder.migrator().up() == []
    assert folder.migrator().status()[0].state == "applied"


def test_an_invalid_index_that_was_left_is_named(folder, query):
    folder.write("0001_x", "create table a (x int); insert into a values (1), (1);")
    folder.write("0002_y", "-- transactional: false\ncreate unique index concurrently i on a (x);")
    with pytest.raises(MigrationError) as caught:
        folder.migrator().up()
    assert "0002_y.sql:2: could not create unique index" in str(caught.value)
    assert "0 of 1 steps are done" in str(caught.value)
    with pytest.raises(MigrationError, match="drop what is left invalid: i;"):
        folder.migrator().up()


def test_undoing_outside_a_transaction_that_was_interrupted_is_explained(folder, python, query):
    folder.write(
        "0001_x", "-- transactional: false\ncreate table a (x int);", "drop table a; select 1;"
    )
    folder.migrator().up()
    dies = python(DIES_AT, folder.url, folder.path, "step_done", "after", "down")
    assert dies.wait(20) == -signal.SIGKILL
    for call in (folder.migrator().up, folder.migrator().down):
        with pytest.raises(MigrationError, match=r"being undone.* after 1 finished steps"):
            call()
    folder.migrator().resolve("0001_x", applied=False)
    assert folder.migrator().up()


def test_a_lock_that_was_lost_on_the_way_stops_the_run(folder, query):
    folder.write("0001_x", "select pg_advisory_unlock_all();")
    folder.write("0002_y", "create table a (x int);")
    with pytest.raises(MigrationError, match="lock on migrations was lost"):
        folder.migrator().up()
    assert query(folder.url, TABLES) == []
