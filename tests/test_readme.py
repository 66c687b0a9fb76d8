"""README's tutorial, followed line by line in an empty folder."""

from pathlib import Path

from tests.documents import Reader

README = Path(__file__).parents[1] / "README.md"


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    blocks = Reader(tmp_path).follow(README.read_text("utf-8"))
    assert blocks == 13
    assert {"app.py", "todo", "queries"} <= {path.name for path in tmp_path.iterdir()}
