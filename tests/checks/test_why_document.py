"""The document on `salacia why`, followed line by line."""

import re
import shutil
from pathlib import Path

from tests.documents import Reader

DOCS = Path(__file__).parents[2] / "docs"


def test_why_works_as_it_is_described(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "example", tmp_path, dirs_exist_ok=True)
    text = (DOCS / "why.md").read_text("utf-8")
    assert Reader(tmp_path).follow(text) == len(re.findall("^```", text, re.MULTILINE)) / 2
