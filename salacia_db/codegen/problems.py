"""Problems: what is wrong with a person's input, where it is, and what to do about it."""

import unicodedata
from typing import Literal

from msgspec import Struct

from salacia_db.codegen.facts import Span

Severity = Literal["error", "warning"]


class Problem(Struct, frozen=True):
    """One finding. `message` says what is wrong, `hint` what to do next."""

    message: str
    at: Span | None = None
    hint: str | None = None
    severity: Severity = "error"

    def position(self) -> tuple[str, int, int] | None:
        """The file's path, the line and the column, both counted from 1 in characters."""
        return None if self.at is None else position(self.at)

    def render(self) -> str:
        """The problem for a terminal: place and message, the line with a caret, the hint."""
        place = "" if self.at is None else "{}:{}:{}: ".format(*position(self.at))
        lines = [_indented(f"{place}{self.severity}: {self.message}")]
        if self.at is not None:
            lines += excerpt(self.at)
        if self.hint:
            lines.append(_indented(f"  hint: {self.hint}"))
        return "\n".join(lines)


class ProblemsError(Exception):
    """Raised where work can't go on; carries every problem found until then."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(problem.render() for problem in problems))
        self.problems = problems


def printable(text: str) -> str:
    """The text with control and direction characters escaped; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _indented(text: str) -> str:
    # Further lines are indented: a name from a database can't forge a problem of its own.
    return printable(text).replace("\n", "\n    ")


def position(at: Span) -> tuple[str, int, int]:
    """The file's path, and the line and column of the start, counted from 1 in characters."""
    before = at.file.text[: at.start]
    return at.file.path, before.count("\n") + 1, len(before) - before.rfind("\n")


def excerpt(at: Span) -> list[str]:
    """The line of the file where the place starts, and carets under it."""
    _, line, column = position(at)
    text = at.file.text.split("\n")[line - 1]
    before, marked = text[: column - 1], text[column - 1 : column - 1 + at.end - at.start]
    gutter = f"{line:>5} | "
    # Tabs stay tabs in the padding, so that the caret stands under its character.
    padding = "".join("\t" if c == "\t" else " " * _cells(c) for c in before)
    shown = "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
    carets = "^" * max(1, sum(_cells(c) for c in marked))
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + padding + carets]


def _cells(character: str) -> int:
    """How many cells of a terminal the character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
