"""What the settings name in the application's modules is looked for there, and nothing is run."""

from pathlib import Path

import pytest

from salacia_db.codegen.classes import Classes
from salacia_db.codegen.emit.unfound import unfound


@pytest.mark.parametrize(
    "source",
    [
        "class Line: ...",
        "def Line(): ...",
        "async def Line(): ...",
        "Line = int",
        "Line: type = int",
        "from elsewhere import Line",
        "from elsewhere import Row as Line",
        "from elsewhere import *",
        "import Line.inside",
        "def __getattr__(name): ...",
        "try:\n    from fast import Line\nexcept ImportError:\n    Line = None",
        "if True:\n    class Line: ...",
        "with open('x') as Line: ...",
        "not python at all (",
    ],
)
def test_what_may_have_the_name_is_believed(tmp_path: Path, source: str):
    (tmp_path / "acme.py").write_text(source)
    assert unfound(Classes([tmp_path]), "acme", "Line") is None


def test_a_name_that_is_not_there_is_told_with_the_nearest(tmp_path: Path):
    (tmp_path / "acme.py").write_text("class Line: ...\nLine.also = 1\n")
    found = unfound(Classes([tmp_path]), "acme", "Lime")
    assert found is not None
    assert (found.message, found.severity) == ("the module acme has no Lime", "error")
    assert found.hint == "did you mean `acme.Line`?"
    assert unfound(Classes([tmp_path]), "acme", "also") is not None


def test_modules_of_packages_are_found(tmp_path: Path):
    (tmp_path / "acme" / "rows").mkdir(parents=True)
    (tmp_path / "acme" / "__init__.py").write_text("")
    (tmp_path / "acme" / "lines.py").write_text("Line = int")
    classes = Classes([tmp_path])
    assert unfound(classes, "acme.lines", "Line") is None
    assert unfound(classes, "acme", "lines") is None
    assert unfound(classes, "acme.lines", "Row") is not None
    assert unfound(classes, "acme.rows", "Row") is None  # a namespace; it may be added to elsewhere


def test_a_module_that_python_does_not_find_is_a_warning(tmp_path: Path):
    found = unfound(Classes([tmp_path]), "nowhere_at_all.lines", "Line")
    assert found is not None
    assert found.severity == "warning"
    assert unfound(Classes([tmp_path]), "builtins", "int") is None
    assert unfound(Classes([tmp_path]), "msgspec", "Anything") is None  # not in these folders


def test_of_the_package_that_is_generated_nothing_is_known(tmp_path: Path):
    (tmp_path / "shop.py").write_text("")
    assert unfound(Classes([tmp_path], "shop"), "shop", "Order") is None
    assert unfound(Classes([tmp_path], "shop"), "shop.models", "Order") is None
