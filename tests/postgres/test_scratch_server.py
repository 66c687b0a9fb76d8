"""A scratch server starts fast, is private, and goes with its process, however that ends."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import asyncpg
import psycopg
import pytest

from salacia_db.postgres import PostgresError, cluster, server, start_scratch
from salacia_db.postgres.scratch import scratch_server

STARTS = """
import sys, time
from salacia_db.postgres.scratch import scratch_server
server = scratch_server()
print(server.pid, server.data.parent, flush=True)
time.sleep(60)
"""

FORKS = """
import os, time
from salacia_db.postgres.scratch import scratch_server
server = scratch_server()
child = os.fork()
if child:
    print(server.pid, child, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Whether a process is there and not merely unburied."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


async def test_both_drivers_reach_it_by_its_url():
    url = scratch_server().url()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select current_user") == "postgres"
    await connection.close()
    with psycopg.connect(url) as other:
        assert other.info.host == scratch_server().host


async def test_a_database_name_of_any_kind_stands_in_its_url(databases):
    name = 'a/b?c=d&e "f" é%'
    with psycopg.connect(scratch_server().url(), autocommit=True) as connection:
        quoted = psycopg.sql.Identifier(name)
        connection.execute(psycopg.sql.SQL("create database {}").format(quoted))
        url = scratch_server().url(name)
        with psycopg.connect(url) as other:
            assert other.info.dbname == name
        third = await asyncpg.connect(url)
        assert await third.fetchval("select current_database()") == name
        await third.close()
        connection.execute(psycopg.sql.SQL("drop database {}").format(quoted))


def test_it_is_the_same_everywhere(query):
    rows = query(
        scratch_server().url(),
        "select pg_encoding_to_char(encoding), current_setting('TimeZone'), "
        "current_setting('fsync'), current_setting('listen_addresses'), 'Ä' ~ '\\w' "
        "from pg_database where datname = current_database()",
    )
    assert rows == [("UTF8", "UTC", "off", "", True)]


def test_there_is_one_for_the_process():
    assert scratch_server() is scratch_server()


def test_nobody_else_can_enter_its_folder():
    mode = Path(scratch_server().host).stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_a_cached_cluster_spares_initdb(monkeypatch):
    scratch_server()
    monkeypatch.setattr(cluster, "initialise", None)
    with start_scratch():
        pass


def test_a_damaged_cache_is_made_anew(monkeypatch, tmp_path, query):
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(cluster, "cache_folder", lambda: tmp_path / "cache")
    with start_scratch() as first:
        kept = next((tmp_path / "cache").iterdir())
        assert stat.S_IMODE(kept.stat().st_mode) == 0o700
        assert first.pid
    (kept / "global" / "pg_control").write_bytes(b"")
    with start_scratch() as second:
        assert query(second.url(), "select 1") == [(1,)]


@pytest.mark.parametrize("home", ["/nonexistent", "", "relative", "/"])
def test_without_a_home_nothing_is_kept_and_all_else_works(home, monkeypatch):
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(cluster, "_registered_home", lambda: home)
    monkeypatch.setattr(cluster, "_is_own", lambda folder: folder.exists() and folder != Path("/"))
    assert cluster.cache_folder() is None


def test_stopping_leaves_nothing_behind():
    scratch = start_scratch()
    pid = scratch.pid
    scratch.stop()
    scratch.stop()
    assert pid is not None
    assert not alive(pid)
    assert not scratch.data.parent.exists()
    assert scratch.pid is None


def test_settings_reach_the_server(query):
    with start_scratch({"max_connections": "7"}) as scratch:
        assert query(scratch.url(), "show max_connections") == [("7",)]


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(monkeypatch):
    made: list[Path] = []
    base_folder = server._base_folder
    monkeypatch.setattr(
        server, "_base_folder", lambda account: made.append(base_folder(account)) or made[0]
    )
    with pytest.raises(PostgresError, match="no_such_setting"):
        start_scratch({"no_such_setting": "1"})
    assert not made[0].exists()


def test_a_path_too_long_for_a_socket_is_no_obstacle(monkeypatch, tmp_path, query):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    for folder in (deep, *deep.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    monkeypatch.setattr(server, "_shared_memory", lambda: deep)
    with start_scratch() as scratch:
        assert scratch.data.is_relative_to(deep)
        assert query(scratch.url(), "select 1") == [(1,)]
        host = Path(scratch.host)
    assert not host.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_process_that_started_it(how, python, until):
    parent = python(STARTS)
    assert parent.stdout is not None
    pid, base = parent.stdout.readline().split()
    assert alive(int(pid))
    parent.send_signal(how)
    parent.wait()
    until(lambda: not alive(int(pid)), "the server to end")
    until(lambda: not Path(base).exists(), "the data to be removed")


def test_it_outlives_the_thread_that_started_it(python):
    code = """
import threading, time
from salacia_db.postgres.scratch import scratch_server
thread = threading.Thread(target=scratch_server)
thread.start()
thread.join()
time.sleep(0.3)
import psycopg
psycopg.connect(scratch_server().url()).close()
print("reached")
"""
    out, err = python(code).communicate(timeout=20)
    assert out == "reached\n", err


def test_a_forked_child_does_not_take_the_server_with_it(python):
    code = """
import os, psycopg
from salacia_db.postgres.scratch import scratch_server
server = scratch_server()
child = os.fork()
server.stop() if child == 0 else os.waitpid(child, 0)
if child:
    psycopg.connect(server.url()).close()
    print("reached")
"""
    out, err = python(code).communicate(timeout=20)
    assert out == "reached\n", err


def test_a_forked_child_does_not_keep_the_server_when_its_parent_dies(python, until):
    parent = python(FORKS)
    assert parent.stdout is not None
    server_pid, child = map(int, parent.stdout.readline().split())
    try:
        parent.kill()
        parent.wait()
        until(lambda: not alive(server_pid), "the server to end")
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)
