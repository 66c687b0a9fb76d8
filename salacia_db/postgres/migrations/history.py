"""Compare the migration files with what the database has seen."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from salacia_db.postgres.migrations.errors import MigrationError, at
from salacia_db.postgres.migrations.files import MigrationFile, next_number
from salacia_db.postgres.migrations.ledger import Entry

State = Literal["applied", "pending", "late", "edited", "deleted", "unfinished"]


class MigrationStatus(NamedTuple):
    """How one migration stands.

    `late` is a pending one that sorts before an applied one; `edited` and `deleted` are what
    happened to the file of an applied one; `unfinished` was begun (up or down), outside a
    transaction, and not brought to its end. `since` is when it came to this state, as far as
    the database knows; `path` is None where the file is gone.
    """

    name: str
    state: State
    since: datetime | None
    path: Path | None


class History:
    """The files in their order, and the entries of a database in theirs."""

    def __init__(self, files: list[MigrationFile], entries: list[Entry]) -> None:
        self._files = files
        self._entries = {entry.name: entry for entry in entries}
        self._names = {file.name for file in files}

    @property
    def applied(self) -> set[str]:
        """The names that the database has an entry of."""
        return set(self._entries)

    def status(self) -> list[MigrationStatus]:
        """Every migration: those whose file is gone, then the files in their order."""
        gone = [e for e in self._entries.values() if e.name not in self._names]
        known = [number for number, file in enumerate(self._files) if file.name in self._entries]
        last = max(known, default=-1)
        return [
            *(MigrationStatus(e.name, _entry_state(e, None), _since(e), None) for e in gone),
            *(
                self._file_status(file, late=number < last)
                for number, file in enumerate(self._files)
            ),
        ]

    def find(self, name: str) -> MigrationStatus:
        """The status of the migration with this name, or the only one that begins with it."""
        every = self.status()
        found = [s for s in every if s.name == name] or [
            s for s in every if s.name.startswith(name)
        ]
        if len(found) != 1:
            raise MigrationError(
                f"{'several migrations begin' if found else 'no migration begins'} with {name!r}",
                "salacia migrate status lists them",
            )
        return found[0]

    def last(self, steps: int) -> list[str]:
        """The names of the `steps` that were applied last, latest first."""
        if steps < 1:
            raise MigrationError("the number of migrations to undo must be at least 1")
        return list(reversed(self._entries))[:steps]

    def after(self, name: str) -> list[str]:
        """The names of all that were applied after this one, latest first."""
        order = list(self._entries)
        if name not in self._entries:
            raise MigrationError(
                f"{name} is not applied", "salacia migrate status shows how each migration stands"
            )
        return list(reversed(order[order.index(name) + 1 :]))

    def refuse_unknown_start(self, applied_by_yoyo: set[str]) -> None:
        """Raises `MigrationError` where yoyo migrated the database and we never did."""
        if applied_by_yoyo and not self._entries:
            raise MigrationError(
                f"yoyo itself has applied {len(applied_by_yoyo)} migrations to this database",
                "salacia migrate baseline takes them over, without running them again",
            )

    def refuse_trouble(
        self,
        invalid_indexes: Callable[[], list[str]],
        *,
        allow_late: bool,
        only: set[str] | None = None,
    ) -> None:
        """Raises `MigrationError` with all that keeps the database from being migrated.

        With `only`, edited and deleted files count only for these names.
        """
        troubles = [
            self._trouble(status, invalid_indexes)
            for status in self.status()
            if status.state == "unfinished"
            or (status.state == "late" and not allow_late)
            or (status.state in ("edited", "deleted") and (only is None or status.name in only))
        ]
        if troubles:
            first = troubles[0]
            others = "".join(f"\n{message}\n  hint: {hint}" for message, hint in troubles[1:])
            raise MigrationError(first[0], first[1] + others)

    def _trouble(
        self, status: MigrationStatus, invalid_indexes: Callable[[], list[str]]
    ) -> tuple[str, str]:
        name = status.name
        where = f"{name}:" if status.path is None else at(status.path)
        if status.state == "unfinished":
            return self._unfinished(where, self._entries[name], invalid_indexes())
        if status.state == "late":
            assert status.path is not None
            return (
                f"{where} not applied, but one that comes after it is",
                f"rename it to come last ({next_number(status.path.parent)}_…); or apply it "
                "all the same, if their order doesn't matter: --allow-late",
            )
        if status.state == "edited":
            return (
                f"{where} was edited after it was applied (at {_minute(status.since)})",
                "put it back and write a new migration for the change; or, if the database needs "
                f"no change: salacia migrate resolve {name} --applied",
            )
        return (
            f"{where} applied at {_minute(status.since)}, but its file is gone",
            "bring the file back; or, if the database is to forget that it ever was: "
            f"salacia migrate resolve {name} --not-applied",
        )

    def _unfinished(self, where: str, entry: Entry, invalid_indexes: list[str]) -> tuple[str, str]:
        file = next((f for f in self._files if f.name == entry.name), None)
        what = "being applied" if entry.direction == "up" else "being undone"
        step = f"after {entry.steps_done} finished steps"
        if file is not None and entry.direction == "up":
            step = f"after {entry.steps_done} of {len(file.statements) or len(file.steps)} steps"
            if entry.steps_done < len(file.statements):
                step += f", the next is on line {file.statements[entry.steps_done].line}"
        left = (
            f"; drop what is left invalid: {', '.join(invalid_indexes)}" if invalid_indexes else ""
        )
        return (
            f"{where} was interrupted {what}, outside a transaction, at "
            f"{_minute(entry.started_at)}, {step}",
            f"look whether its change is in the database{left}; complete it or take it back by "
            f"hand, then say how it stands: salacia migrate resolve {entry.name} "
            "--applied | --not-applied",
        )

    def _file_status(self, file: MigrationFile, *, late: bool) -> MigrationStatus:
        entry = self._entries.get(file.name)
        if entry is None:
            return MigrationStatus(file.name, "late" if late else "pending", None, file.path)
        return MigrationStatus(file.name, _entry_state(entry, file), _since(entry), file.path)


def _entry_state(entry: Entry, file: MigrationFile | None) -> State:
    if entry.finished_at is None:
        return "unfinished"
    if file is None:
        return "deleted"
    return "applied" if entry.checksum == file.checksum else "edited"


def _since(entry: Entry) -> datetime:
    return entry.started_at if entry.finished_at is None else entry.finished_at


def _minute(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M %Z}"
