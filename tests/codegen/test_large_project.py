"""A large project is generated as a small one is, and in a time that a person waits for."""

import subprocess
import sys
import time
from pathlib import Path

import large_project
import pytest

from salacia_db.codegen import pipeline
from salacia_db.codegen.project import load_project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    large_project.write(tmp_path / "large")
    monkeypatch.setattr(pipeline, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "large"


def test_500_queries_are_generated(folder: Path):
    started = time.monotonic()
    found = pipeline.generate(load_project(folder, {}))
    cold = time.monotonic() - started
    started = time.monotonic()
    again = pipeline.generate(load_project(folder, {}))
    warm = time.monotonic() - started

    assert [problem.render() for problem in found.problems] == []
    assert found.queries == large_project.QUERIES == 500
    assert again.files == found.files
    # Far above what it takes, for machines that do other things, too: what was cached isn't redone.
    assert cold < 30
    assert warm < cold / 2
    found.write()
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "--diff", "."],
        cwd=found.out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
