"""Golden cases: a folder per claim, with the facts (`input.py`) and the package expected of them.

`python tests/codegen/emit/golden.py` rewrites what is expected: read the diff before committing it.
"""

import runpy
import sys
from pathlib import Path

CASES = Path(__file__).parent / "golden"


def names() -> list[str]:
    """The claims."""
    return sorted(folder.name for folder in CASES.iterdir() if (folder / "input.py").exists())


def generated(name: str) -> dict[str, str]:
    """What the generator makes of a case's facts."""
    from emitting import package

    case = runpy.run_path(str(CASES / name / "input.py"))
    return package(case["queries"], case["facts"], **case.get("settings", {}))


def expected(name: str) -> dict[str, str]:
    """What is expected."""
    folder = CASES / name / "expected"
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def rewrite() -> None:
    """Make what is generated the expectation."""
    from salacia_db.codegen.emit import File, write

    for name in names():
        files = [File(path, text) for path, text in generated(name).items()]
        changed, problems = write(files, CASES / name / "expected")
        for problem in problems:
            print(problem.render())
        print(f"{name}: {len(changed)} files changed")


if __name__ == "__main__":
    sys.path.insert(0, str(CASES.parents[3]))
    rewrite()
