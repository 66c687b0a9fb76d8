"""The golden packages: as expected, formatted, and liked by both type checkers."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import golden
import pytest

ROOT = Path(__file__).parents[3]

SERVICE = '''"""A service takes the database or a unit of work, for the type checkers too."""

from {package} import Database, Queries, UnitOfWork


def serve(queries: Queries) -> None:
    print(queries)


def both(db: Database, uow: UnitOfWork) -> None:
    serve(db)
    serve(uow)
'''


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with every golden package under the name of its claim."""
    folder = tmp_path_factory.mktemp("packages")
    for name in golden.names():
        shutil.copytree(
            golden.CASES / name / "expected",
            folder / f"golden_{name}",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (folder / f"service_{name}.py").write_text(SERVICE.format(package=f"golden_{name}"))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.mark.parametrize("name", golden.names())
def test_a_package_is_as_expected(name: str):
    assert golden.generated(name) == golden.expected(name)


def test_generating_again_gives_the_same_bytes():
    for name in golden.names():
        assert golden.generated(name) == golden.generated(name)


@pytest.mark.parametrize("name", golden.names())
def test_a_package_can_be_imported_whole(packages: Path, name: str):
    for file in sorted((packages / f"golden_{name}").rglob("*.py")):
        module = file.relative_to(packages).with_suffix("").as_posix().replace("/", ".")
        importlib.import_module(module.removesuffix(".__init__"))
    package = importlib.import_module(f"golden_{name}")
    assert all(hasattr(package, public) for public in package.__all__)
    assert package.Database.__module__ == f"golden_{name}.database"


def test_the_formatter_changes_nothing(packages: Path):
    run(packages, "ruff", "format", "--isolated", "--line-length=100", "--diff", ".")


def test_imports_are_sorted_and_used(packages: Path):
    run(packages, "ruff", "check", "--isolated", "--line-length=100", "--select=E4,E7,E9,F,I", ".")


def test_mypy_is_content(packages: Path):
    run(packages, "mypy", "--strict", "--no-incremental", ".")


def test_pyright_is_content(packages: Path):
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": ["."]}
    (packages / "pyrightconfig.json").write_text(json.dumps(settings))
    run(packages, "basedpyright", "-p", ".")


def run(folder: Path, tool: str, *arguments: str) -> None:
    """Run a tool in a folder, as a stranger's project would; its words are the failure."""
    result = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
