"""Each claim under tests/golden: what a person wrote gives this package, or is told this way."""

import importlib
import re
import sys
import tomllib
from pathlib import Path

import claims
import pytest

_PLACE = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (error|warning): ")


@pytest.mark.parametrize("name", claims.names())
def test_a_claim_holds(name: str, tmp_path: Path):
    outcome = claims.run(name, tmp_path)

    assert outcome.said == claims.expected_text(name)
    came, expected = claims.package(name, outcome), claims.expected(name)
    assert {path: came.get(path) for path in expected} == expected
    assert outcome.status == (0 if expected else 1)
    if outcome.status:
        assert came == {}
    # What a person wrote is left alone.
    assert claims.given(name).items() <= outcome.files.items()


@pytest.mark.parametrize("name", [name for name in claims.names() if claims.expected(name)])
def test_the_package_of_a_claim_can_be_imported(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = tmp_path / name
    claims.run(name, project)
    (package,) = {file.parent for file in project.rglob("database.py")}
    # Each under a name of its own: two packages called `app` are one to Python.
    package.rename(package.parent / f"claimed_{name}")
    monkeypatch.syspath_prepend(package.parent)
    for file in sorted((package.parent / f"claimed_{name}").rglob("*.py")):
        module = file.relative_to(package.parent).with_suffix("").as_posix().replace("/", ".")
        importlib.import_module(module.removesuffix(".__init__"))
    assert sys.modules[f"claimed_{name}"].__all__


@pytest.mark.parametrize("name", [name for name in claims.names() if claims.expected_text(name)])
def test_a_place_leads_to_the_line_that_is_shown(name: str):
    """The excerpt is the file's line, and the first caret stands under the column named."""
    texts = claims.given(name)
    lines = claims.expected_text(name).split("\n")
    for at, line in enumerate(lines):
        match = _PLACE.match(line)
        if match is None:
            continue
        at = next(i for i in range(at, len(lines)) if re.match(r" *\d+ \| ", lines[i]))
        number, _, shown = lines[at].partition(" | ")
        assert int(number) == int(match["line"])
        text = texts[match["path"]].lstrip("\ufeff").replace("\r\n", "\n")
        assert text.split("\n")[int(number) - 1] == shown
        gutter = lines[at + 1].index("|") + 2
        caret = lines[at + 1][gutter:]
        before = shown[: int(match["column"]) - 1]
        assert before.isascii() is False or caret.index("^") == len(before)


def test_every_claim_says_something():
    for name in claims.names():
        assert claims.expected(name) or claims.expected_text(name), name
        settings = claims.CLAIMS / name / "pyproject.toml"
        assert not settings.exists() or "salacia" in settings.read_text("utf-8")
