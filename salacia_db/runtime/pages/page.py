"""Pages: some rows of a query in its order, and the way to the others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_Encode = Callable[[tuple[Any, ...], bool], str]


class Page(Generic[T]):
    """Rows next to each other in the order of a query.

    `items` are the rows; `total` counts all rows of the query if that was asked for. `next` and
    `previous` are the cursors to give as `after` and `before` for the pages beside this one, None
    where there is none. A row that is there throughout a walk is met exactly once, whatever is
    inserted, changed or deleted beside it.
    """

    __slots__ = ("_beside", "_encode", "_keys", "has_next", "has_previous", "items", "total")

    def __init__(
        self,
        items: list[T],
        keys: Sequence[tuple[Any, ...]],
        *,
        has_next: bool,
        has_previous: bool,
        total: int | None,
        encode: _Encode,
        beside: tuple[Any, ...] | None = None,
    ) -> None:
        self.items = items
        self.has_next = has_next
        self.has_previous = has_previous
        self.total = total
        self._keys = keys
        self._encode = encode
        # What an empty page lies beside: the position that was asked for.
        self._beside = beside

    @property
    def next(self) -> str | None:
        """The cursor of the last row, to be given as `after`; None where nothing follows."""
        if not self.has_next:
            return None
        if self._keys:
            return self._encode(self._keys[-1], False)
        return None if self._beside is None else self._encode(self._beside, True)

    @property
    def previous(self) -> str | None:
        """The cursor of the first row, to be given as `before`; None where nothing precedes."""
        if not self.has_previous:
            return None
        if self._keys:
            return self._encode(self._keys[0], False)
        return None if self._beside is None else self._encode(self._beside, True)

    def cursor(self, item: T) -> str:
        """The cursor of one of the items, as GraphQL's edges have it.

        Raises ValueError for what is no item of this page (the very object).
        """
        for found, keys in zip(self.items, self._keys, strict=True):
            if found is item:
                return self._encode(keys, False)
        raise ValueError("this is no item of the page")

    def cursors(self) -> list[str]:
        """The cursors of all items, in their order."""
        return [self._encode(keys, False) for keys in self._keys]

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Page of {len(self.items)}>"


class NumberedPage(Generic[T]):
    """A page by its number: the rows, and the total of the same moment."""

    __slots__ = ("items", "limit", "page", "total")

    def __init__(self, items: list[T], *, page: int, limit: int, total: int) -> None:
        self.items = items
        self.page = page
        self.limit = limit
        self.total = total

    @property
    def pages(self) -> int:
        """How many pages there are; 0 where there is no row."""
        return -(-self.total // self.limit)

    @property
    def has_next(self) -> bool:
        """Whether rows follow."""
        return self.page < self.pages

    @property
    def has_previous(self) -> bool:
        """Whether rows precede."""
        return self.page > 1 and self.total > 0

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<NumberedPage {self.page} of {self.pages}>"
