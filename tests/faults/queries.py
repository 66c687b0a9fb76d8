"""The ledger's queries."""

from salacia_db import runtime
from salacia_db.runtime import Batch, CopyTarget, Group, Statement, lazy

# As the generator writes it.
INSERT = "insert into ledger (id, part, note) values ($1, $2, $3)"
ADD = Statement(
    "ledger.add",
    f"-- ledger.add\n{INSERT}",
    parameters=("id", "part", "note"),
    clean=True,
    tracked=f"-- ledger.add\n{INSERT} returning pg_current_xact_id()",
)
INSERT_BOTH = (
    "with first as (insert into ledger (id, part, note) values ($1, 0, $2)) "
    "insert into ledger (id, part, note) values ($1, 1, $2)"
)
_BATCHED = f"-- ledger.add_both\n{INSERT_BOTH} returning id, $3::int4"
ADD_BOTH = Statement(
    "ledger.add_both",
    f"-- ledger.add_both\n{INSERT_BOTH} returning id",
    parameters=("id", "note"),
    clean=True,
    tracked=f"-- ledger.add_both\n{INSERT_BOTH} returning id, pg_current_xact_id()",
    batch=Batch(
        Statement(
            "ledger.add_both",
            _BATCHED,
            clean=True,
            tracked=f"{_BATCHED}, pg_current_xact_id()",
        ),
        size=256,
    ),
)


COPY = Statement("ledger.copy", "-- ledger.copy", parameters=("id", "part", "note"), clean=True)
TARGET = CopyTarget("ledger", "public", ("id", "part", "note"))
KIND = Statement(
    "ledger.kind", "-- ledger.kind\nselect $1::kind", parameters=("k",), read_only=True, clean=True
)


class Entries(Group):
    """Queries on the ledger."""

    __slots__ = ()

    async def add(self, id: int, part: int, note: str = "") -> int:
        """Writes a part."""
        return await self._session.execute(ADD, id, part, note)

    async def add_both(self, id: int, note: str = "") -> None:
        """Writes both parts in one statement."""
        await self._session.fetchone(ADD_BOTH, id, note)

    async def kind(self, k: str) -> str:
        """A value of an enum, to the server and back."""
        found: str = await self._session.fetchval(KIND, k)
        return found

    async def add_batched(self, id: int, note: str = "") -> None:
        """The same, in a batch with others who call it now."""
        await self._session.batched.fetchone(ADD_BOTH, id, note)


class UnitOfWork(runtime.UnitOfWork):
    """A unit of work with the ledger's queries."""

    @lazy
    def ledger(self) -> Entries:
        """Queries on the ledger."""
        return Entries(self.session)


class Database(runtime.Database[UnitOfWork]):
    """A database with the ledger's queries."""

    unit_of_work_class = UnitOfWork

    @lazy
    def ledger(self) -> Entries:
        """Queries on the ledger."""
        return Entries(self.session)
