"""Projects in a folder, generated and imported as their owner would."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from salacia_db.codegen.pipeline import Generated, generate
from salacia_db.codegen.project import load_project


def made(root: Path, name: str, schema: str, queries: str, settings: str = "") -> Generated:
    """The package of a project with one group of queries, `kept`; not written yet."""
    (root / "schema.sql").write_text(schema)
    (root / "queries").mkdir(exist_ok=True)
    (root / "queries" / "kept.sql").write_text(queries)
    head = f'[tool.salacia]\nschema = ["schema.sql"]\nqueries = ["queries"]\nout = "{name}"\n'
    (root / "pyproject.toml").write_text(head + settings)
    return generate(load_project(root, {}))


def written(root: Path, name: str, schema: str, queries: str, settings: str = "") -> Path:
    """The same, written; fails where there is a problem."""
    generated = made(root, name, schema, queries, settings)
    assert not generated.problems, "\n".join(p.render() for p in generated.problems)
    generated.write()
    return root / name


def imported(package: Path) -> ModuleType:
    """The package, imported from where it lies, as are its neighbours."""
    sys.path.insert(0, str(package.parent))
    try:
        return importlib.import_module(package.name)
    finally:
        sys.path.remove(str(package.parent))
