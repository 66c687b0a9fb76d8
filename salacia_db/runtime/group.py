"""The base of generated group classes."""

from salacia_db.runtime.session import Session


class Group:
    """The queries of one file, on a session: a database's, or a unit of work's."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session
