"""Schema files as sqlc reads them: which files of a folder, and how much of each.

goose, sql-migrate, dbmate and tern write the way back into the same file, behind a marker;
golang-migrate into a file of its own. Atlas' files are plain SQL.
"""

import glob
import os
import re
from pathlib import Path

_WAY_BACK = re.compile(
    r"^[ \t]*(?:"
    r"--[ \t]*\+goose[ \t]+down\b"
    r"|--[ \t]*\+migrate[ \t]+down\b"
    r"|--[ \t]*migrate:down\b"
    r"|----[ \t]*create above / drop below[ \t]*----"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"\d+")


def without_rollback(text: str) -> str:
    """The way up: all that stands before the marker of the way back. Places in it stay."""
    found = _WAY_BACK.search(text)
    return text if found is None else text[: found.start()]


def sql_files(base: Path, path: str) -> list[Path] | None:
    """The files that a path, a folder or a glob of sqlc's settings names; None if nothing is there.

    Of a folder those directly in it, without hidden ones and ways back. They come in the order of
    their names or, where each begins with a number, of these numbers: so do the tools run them.
    """
    if glob.has_magic(path) and not (base / path).exists():
        matches = sorted(glob.glob(path, root_dir=base))
        if not matches:
            return None
        return _ordered([base / match for match in matches if _is_up(base / match)])
    found = base / path
    if not found.exists():
        return None
    if not found.is_dir():
        return [found]
    return _ordered([file for file in found.iterdir() if _is_up(file)])


def _is_up(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return file.suffix == ".sql" and not hidden and not _is_down(file) and file.is_file()


def _is_down(file: Path) -> bool:
    return file.name == "down.sql" or file.name.endswith(".down.sql")


def _ordered(files: list[Path]) -> list[Path]:
    # `migrations/*/up.sql` has its numbers in the folders' names.
    common = os.path.commonpath([file.parent for file in files]) if files else ""
    names = {file: file.relative_to(common).as_posix() for file in files}
    numbers = {file: _NUMBER.match(name) for file, name in names.items()}

    def place(file: Path) -> tuple[int, str]:
        number = numbers[file]
        return (0 if number is None else int(number[0])), names[file]

    if all(numbers.values()):
        return sorted(files, key=place)
    return sorted(files, key=lambda file: names[file])
