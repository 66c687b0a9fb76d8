"""The development server is found again, kept, private, and safe from races."""

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from salacia_db.postgres import (
    PostgresError,
    account,
    data_folder,
    durable,
    embedded_url,
    start_durable,
    stop_durable,
)
from salacia_db.postgres.account import is_root
from salacia_db.postgres.binaries import find_binaries
from salacia_db.postgres.postmaster import read_postmaster

FINDS = """
import sys
from salacia_db.postgres import embedded_url
print(embedded_url(f"embedded://{sys.argv[1]}", "shop"), flush=True)
"""


@pytest.fixture
def data() -> Iterator[Path]:
    # Not pytest's own folder: that is closed to the account that runs the server for root. And in
    # memory where possible: this server waits for the disk, as it should.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="salacia-test-", dir=memory) as parent:
        Path(parent).chmod(0o755)
        yield Path(parent) / "data"
        stop_durable(Path(parent) / "data")


def test_two_processes_that_race_find_one_server_that_outlives_them(data, python, query):
    racing = [python(FINDS, data) for _ in range(3)]
    found = [process.communicate(timeout=60) for process in racing]
    urls = {out.strip() for out, _ in found}
    assert len(urls) == 1, found
    assert query(urls.pop(), "select current_database()") == [("shop",)]


def test_it_is_private_durable_and_keeps_its_data(data, query):
    url = embedded_url(f"embedded://{data}", "shop")
    query(url, "create table t as select 1 as one")
    settings = "select current_setting('fsync'), current_setting('full_page_writes')"
    assert query(url, settings) == [("on", "on")]
    assert query(url, "show listen_addresses") == [("",)]
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert embedded_url(f"embedded://{data}", "shop") == url
    assert stop_durable(data)
    assert not stop_durable(data)
    assert query(embedded_url(f"embedded://{data}", "shop"), "select one from t") == [(1,)]


def test_a_database_of_any_name_is_made_once(data, query):
    name = """o'brien; drop "x" \\q"""
    url = embedded_url(f"embedded://{data}", name)
    assert embedded_url(f"embedded://{data}", name) == url
    assert query(url, "select current_database()") == [(name,)]


def test_a_crash_leaves_nothing_in_the_way(data, query, until):
    url = embedded_url(f"embedded://{data}", "shop")
    query(url, "create table t as select 1 as one")
    first = read_postmaster(data)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.answers(), "the server to be dead")
    # As after a restart of the machine: by now the number belongs to some other program.
    lines = (data / "postmaster.pid").read_text().splitlines()
    (data / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    assert query(embedded_url(f"embedded://{data}", "shop"), "select one from t") == [(1,)]


def test_a_folder_with_other_things_in_it_is_left_alone(data):
    data.mkdir()
    (data / "thesis.txt").write_text("mine")
    with pytest.raises(PostgresError, match="neither empty nor a PostgreSQL data folder"):
        start_durable(data)
    assert [p.name for p in data.iterdir()] == ["thesis.txt"]


def test_data_of_another_major_version_is_refused(data):
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(PostgresError, match=r"(?s)made by PostgreSQL 14.*SALACIA_PG_BIN") as caught:
        start_durable(data)
    assert find_binaries(account.server_account()).version in str(caught.value)


def test_a_folder_of_another_user_is_refused(data, monkeypatch):
    data.mkdir()
    mine = os.geteuid()
    monkeypatch.setattr(durable.os, "geteuid", lambda: mine + 1)
    with pytest.raises(PostgresError, match="belongs to"):
        start_durable(data)


def test_a_path_too_long_for_a_socket_is_no_obstacle(data, query):
    long = data.parent / ("y" * 100)
    try:
        url = embedded_url(f"embedded://{long}", "shop")
        assert query(url, "select 1") == [(1,)]
        sockets = read_postmaster(long)
        assert sockets is not None
        assert stat.S_IMODE(sockets.sockets.stat().st_mode) == 0o700
    finally:
        stop_durable(long)
    assert not sockets.sockets.exists()


@pytest.mark.skipif(not is_root(), reason="only root runs the server as another account")
def test_a_project_that_the_servers_account_cannot_enter_keeps_a_link(data, monkeypatch, query):
    closed = data.parent / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(durable, "_ROOTS_DATA", data.parent / "var")
    url = embedded_url(f"embedded://{closed}/data", "shop")
    assert query(url, "select 1") == [(1,)]
    assert (closed / "data").resolve().parent == data.parent / "var"
    assert stop_durable(closed / "data")


def test_the_project_is_the_nearest_folder_with_a_pyproject(tmp_path, monkeypatch):
    inner = tmp_path / "project" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.chdir(inner)
    assert data_folder() == tmp_path / "project" / ".salacia" / "postgres"
    monkeypatch.chdir(tmp_path)
    assert data_folder("embedded:") == tmp_path / ".salacia" / "postgres"
    assert data_folder("embedded:///srv/my%20data") == Path("/srv/my data")


@pytest.mark.parametrize(
    "url", ["embedded://host/x", "embedded:x", "embedded:///", "embedded:///x?y=1", "postgresql:"]
)
def test_an_embedded_url_of_another_form_is_refused(url):
    with pytest.raises(PostgresError, match="embedded: URL is"):
        data_folder(url)


def test_importing_the_package_brings_no_driver(python):
    code = "import sys, salacia_db.postgres; print({'psycopg', 'yoyo'} & set(sys.modules))"
    assert python(code).communicate(timeout=20)[0] == "set()\n"
