"""Required settings: where each statement needs a tenant, none is sent without."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from salacia_db.runtime.bulk.given import CopyTarget, Output, Rows
from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.session import Method, Session
from salacia_db.runtime.statement import RAW, Row, Statement
from salacia_db.runtime.stream import Stream
from salacia_db.runtime.units.options import Setting
from salacia_db.runtime.unseen import unseen

T = TypeVar("T")


def check_given(required: Iterable[str], settings: Mapping[str, Setting]) -> None:
    """Raises `UsageError` where a required setting isn't given, or is empty."""
    given = {name.lower(): value for name, value in settings.items()}
    missing = [name for name in required if given.get(name.lower(), "") == ""]
    if missing:
        raise UsageError(f"a unit of work of this database needs {_settings(missing)}")


class RefusingSession(Session):
    """What `db.<group>` runs on where settings are required: only a unit of work gives them."""

    __slots__ = ("_required",)

    def __init__(self, required: tuple[str, ...]) -> None:
        self._required = required

    @unseen
    async def fetch(self, statement: Statement, *args: Any) -> list[Row]:
        self._refuse(statement)

    @unseen
    async def fetchrow(self, statement: Statement, *args: Any) -> Row | None:
        self._refuse(statement)

    @unseen
    async def execute(self, statement: Statement, *args: Any) -> int:
        self._refuse(statement)

    @unseen
    async def fetchmany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> list[Row]:
        self._refuse(statement)

    @unseen
    async def executemany(
        self, statement: Statement, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        self._refuse(statement)

    @unseen
    async def copy(
        self, statement: Statement, target: CopyTarget, rows: Rows[Any], take: Callable[[Any], Row]
    ) -> int:
        self._refuse(statement)

    @unseen
    async def copy_out(self, statement: Statement, args: Row, to: Output) -> int:
        self._refuse(statement)

    @unseen
    async def raw(self, method: Method, sql: str, args: Row, timeout: float | None) -> Any:
        self._refuse(RAW)

    def stream(
        self, statement: Statement, args: Row, build: Callable[[Iterable[Row]], list[T]]
    ) -> Stream[T]:
        self._refuse(statement)

    def _refuse(self, statement: Statement) -> NoReturn:
        raise UsageError(
            f"{statement.name}: this database needs {_settings(self._required)}: call it on a unit "
            "of work"
        )


def _settings(names: Iterable[str]) -> str:
    given = ", ".join(f"{name!r}: …" for name in names)
    return f"settings that only `db.unit_of_work(settings={{{given}}})` gives"
