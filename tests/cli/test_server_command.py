"""`salacia server`: the development server, started, found again and stopped."""

from pathlib import Path

import psycopg
import pytest

from salacia_db.cli import main


def test_a_server_is_started_found_again_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["server", "start"]) == 0
        url = capsys.readouterr().out.strip()
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_database()").fetchone() == ("salacia",)
        assert main(["server", "start"]) == 0
        assert capsys.readouterr().out.strip() == url
    finally:
        assert main(["server", "stop"]) == 0
    assert capsys.readouterr().out.startswith("stopped ")
    assert main(["server", "stop"]) == 0
    assert capsys.readouterr().out.startswith("no server runs on ")


def test_a_url_that_names_no_embedded_server_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["server", "start", "postgresql://localhost/x"]) == 1
    assert "embedded:///" in capsys.readouterr().err
