"""The base of generated group classes, and how a database holds them."""

from typing import TYPE_CHECKING

from salacia_db.runtime.session import Session

if TYPE_CHECKING:
    # For pyright only a property satisfies a property of the protocol `Queries`.
    from builtins import property as lazy
else:
    from functools import cached_property as lazy

__all__ = ["Group", "lazy"]


class Group:
    """The queries of one file, on a session: a database's, or a unit of work's."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session
