"""What the scenarios found: as JSON, and as a table."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from faults.bench import Found
from faults.scenario import Scenario

LETTERS = "ABCPSDLK"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"

HEAD = (
    f"| scenario | attempts | {' | '.join(LETTERS)} | recovered in | raw asyncpg | recovered in |\n"
    f"| --- | ---: | {' | '.join(['---:'] * len(LETTERS))} | ---: | --- | ---: |\n"
)


class Line(Struct):
    """A scenario with what was found, or why it was not run, or that it broke down itself."""

    scenario: Scenario
    salacia: Found | None = None
    asyncpg: Found | None = None
    not_run: str | None = None
    broken: bool = False

    @property
    def violated(self) -> bool:
        """Whether salacia_db broke an invariant."""
        return self.salacia is not None and any(self.salacia.violations.values())


def as_json(lines: list[Line]) -> bytes:
    """One object for each scenario."""
    return msgspec.json.format(msgspec.json.encode([_object(line) for line in lines])) + b"\n"


def _object(line: Line) -> dict[str, Any]:
    head: dict[str, Any] = {"scenario": line.scenario.name, "title": line.scenario.title}
    if line.salacia is None:
        return head | {"not_run": _why(line)}
    return (
        head
        | msgspec.structs.asdict(line.salacia)
        | {"asyncpg": None if line.asyncpg is None else msgspec.structs.asdict(line.asyncpg)}
    )


def as_row(line: Line) -> str:
    """A row of the table: violations of each invariant, and raw asyncpg's beside them."""
    return f"| {' | '.join(_cells(line))} |\n"


def _cells(line: Line) -> list[str]:
    found = line.salacia
    if found is None:
        return [line.scenario.title, "not run", *[""] * len(LETTERS), "", _why(line), ""]
    other = line.asyncpg
    return [
        line.scenario.title,
        f"{found.attempts:,}",
        *(str(found.violations[letter]) for letter in LETTERS),
        _seconds(found),
        "" if other is None else _short(other),
        "" if other is None else _seconds(other),
    ]


def _why(line: Line) -> str:
    return "it broke down" if line.broken else str(line.not_run)


def _seconds(found: Found) -> str:
    return "not in 5 s" if found.recovery_s is None else f"{found.recovery_s:.2f} s"


def _short(found: Found) -> str:
    broken = [f"{letter} {count:,}" for letter, count in found.violations.items() if count]
    return ", ".join(broken) or "none"


def write_into(file: Path, table: str) -> None:
    """Puts the table between the markers of a document."""
    text = file.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no {BEGIN} … {END}")
    file.write_text(f"{before}{BEGIN}\n{table}{END}{after}", "utf-8")
