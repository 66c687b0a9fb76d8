"""Keyset pages: the rows behind a position in a total order, found by ranges of an index.

What lies behind (c1, c2) in the order (k1, k2) is k1 = c1 and k2 > c2, or k1 > c1; as a disjunction
PostgreSQL would read the index from its start, so each part is a SELECT of its own, limited and
ordered, and the parts are merged. Where no key can be NULL and all go one way, a comparison of rows
is one range. (The method is that of Markus Winand, "SQL Performance Explained", 2012, chapter 7,
extended to mixed directions and to NULL, which is a range of its own at one end.)
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from salacia_db.texts.numbering import Item

PREFIX = "salacia_key_"


class Key(Struct, frozen=True, gc=False):
    """A term of the order: its expression, its direction, where NULL comes and whether it can."""

    items: tuple[Item, ...]
    descending: bool = False
    nulls_first: bool = False
    nullable: bool = False

    def reversed(self) -> "Key":
        """The same the other way round."""
        return Key(self.items, not self.descending, not self.nulls_first, self.nullable)

    @property
    def direction(self) -> str:
        """The words of ORDER BY, none where they are the default."""
        words = " desc" if self.descending else ""
        if self.nulls_first == self.descending or not self.nullable:
            return words
        return f"{words} nulls {'first' if self.nulls_first else 'last'}"


class Position(Struct, frozen=True, gc=False):
    """A row's place in the order: which of its keys are not NULL. `inclusive`: the row belongs."""

    present: tuple[bool, ...]
    inclusive: bool = False


class Keyset(Struct, frozen=True):
    """A plain SELECT in parts, with the keys of its order.

    `head` is what stands before it (WITH); `filter` the condition of its WHERE, maybe nothing. The
    values of a position have the indexes from `first` on, then come limit and offset.
    """

    head: tuple[Item, ...]
    select: tuple[Item, ...]
    source: tuple[Item, ...]
    filter: tuple[Item, ...]
    keys: tuple[Key, ...]
    first: int

    @property
    def limit(self) -> int:
        """The index of the limit."""
        return self.first + len(self.keys)

    @property
    def offset(self) -> int:
        """The index of the offset."""
        return self.limit + 1

    def backwards(self) -> "Keyset":
        """The same in the reverse order."""
        keys = tuple(key.reversed() for key in self.keys)
        return Keyset(self.head, self.select, self.source, self.filter, keys, self.first)

    def page(self, position: Position | None = None, *, total: bool = False) -> list[Item]:
        """The rows behind a position, or the first; with `total` their number stands before each.

        The keys come behind the columns. With `total` there is a row even where there are no rows:
        all its keys are NULL, those that can't be NULL, too.
        """
        return self._whole(self._page(position), total=total)

    def numbered(self) -> list[Item]:
        """The rows behind an offset, with the total as in `page`.

        What is skipped is only counted: the rows themselves are read once their keys are known.
        """
        place: list[Item] = []
        for index, key in enumerate(self.keys, 1):
            place += [", " if place else "select ", *key.items, f" as {PREFIX}{index}"]
        place += ["\n", *self.source, *self._where([]), *self._order_by()]
        place += ["\nlimit ", self.limit, " offset ", self.offset]
        same: list[Item] = []
        for index, key in enumerate(self.keys, 1):
            if not key.nullable:
                same += [" and " if same else "", *key.items, f" = salacia_place.{PREFIX}{index}"]
        return [
            *self._counted(),
            "left join (\n",
            *place,
            "\n) salacia_place on true\nleft join lateral (\n",
            *self._columns(),
            "\n",
            *self.source,
            *self._where(same),
            f"\n) page on true{self._outer_order()}",
        ]

    def _whole(self, page: list[Item], *, total: bool) -> list[Item]:
        if not total:
            return [*self._before(), *page]
        head = [*self._counted(), "left join lateral (\n"]
        return [*head, *page, f"\n) page on true{self._outer_order()}"]

    def _counted(self) -> list[Item]:
        head = [*self._before(), "select counted.total, page.*\nfrom (select count(*) as total\n"]
        return [*head, *self.source, *self._where([]), ") counted\n"]

    def _outer_order(self) -> str:
        order = ", ".join(f"page.{name}" for name in self._order())
        return f"\norder by {order}"

    def _before(self) -> list[Item]:
        return [*self.head, "\n"] if self.head else []

    def _page(self, position: Position | None) -> list[Item]:
        if position is None:
            return self._branch([])
        branches = list(self._beyond(position))
        if not branches:
            return self._branch(["false"])
        if len(branches) == 1:
            return self._branch(branches[0])
        page: list[Item] = []
        for condition in branches:
            page += ["\nunion all\n(" if page else "(", *self._branch(condition), ")"]
        return [*page, f"\norder by {', '.join(self._order())}\nlimit ", self.limit]

    def _branch(self, condition: Sequence[Item]) -> list[Item]:
        where = self._where(condition)
        return [
            *self._columns(),
            "\n",
            *self.source,
            *where,
            *self._order_by(),
            "\nlimit ",
            self.limit,
        ]

    def _columns(self) -> list[Item]:
        found: list[Item] = [*self.select]
        for index, key in enumerate(self.keys, 1):
            found += ["\n  , ", *key.items, f" as {PREFIX}{index}"]
        return found

    def _order_by(self) -> list[Item]:
        order: list[Item] = []
        for key in self.keys:
            order += [", " if order else "\norder by ", *key.items, key.direction]
        return order

    def _where(self, condition: Sequence[Item]) -> list[Item]:
        parts: list[list[Item]] = []
        if any(isinstance(item, int) or item.strip() for item in self.filter):
            parts.append(["(", *self.filter, "\n)"])
        if condition:
            parts.append([*condition])
        where: list[Item] = []
        for part in parts:
            where += ["\n  and " if where else "\nwhere ", *part]
        return where

    def _order(self) -> list[str]:
        return [f"{PREFIX}{index}{key.direction}" for index, key in enumerate(self.keys, 1)]

    def _beyond(self, position: Position) -> Iterator[list[Item]]:
        """A condition for each range behind the position, the nearest first."""
        if self._one_way():
            yield self._rows(position)
            return
        for index in range(len(self.keys) - 1, -1, -1):
            key = self.keys[index]
            prefix = [item for i in range(index) for item in self._same(i, position)]
            value = self.first + index
            last = position.inclusive and index == len(self.keys) - 1
            if not position.present[index]:
                if last:
                    yield [*prefix, *key.items, " is null"]
                if key.nulls_first:
                    yield [*prefix, *key.items, " is not null"]
                continue
            yield [*prefix, *key.items, f" {_sign(key, equal=last)} ", value]
            if key.nullable and not key.nulls_first:
                yield [*prefix, *key.items, " is null"]

    def _one_way(self) -> bool:
        same = len({key.descending for key in self.keys}) == 1
        return same and not any(key.nullable for key in self.keys)

    def _rows(self, position: Position) -> list[Item]:
        """The condition where one comparison of rows says it."""
        items: list[Item] = []
        values: list[Item] = []
        for index, key in enumerate(self.keys):
            items += [", " if index else "(", *key.items]
            values += [", " if index else "(", self.first + index]
        sign = _sign(self.keys[0], equal=position.inclusive)
        return [*items, f") {sign} ", *values, ")"]

    def _same(self, index: int, position: Position) -> list[Item]:
        key = self.keys[index]
        if not position.present[index]:
            return [*key.items, " is null and "]
        return [*key.items, " = ", self.first + index, " and "]


def _sign(key: Key, *, equal: bool) -> str:
    return ("<" if key.descending else ">") + ("=" if equal else "")
