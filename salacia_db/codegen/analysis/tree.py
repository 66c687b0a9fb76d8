"""Node trees, as PostgreSQL has them of a statement."""

from typing import TypeAlias

# A field's value: a node, a list, a datum, a number, a flag, a word, or None for `<>`.
Value: TypeAlias = "Node | list[Value] | bytes | int | bool | str | None"


class Node:
    """A node: its tag (`VAR`, `OPEXPR`, …) and its fields by name.

    Words come as printed, with backslashes: take names from the catalog or the row description,
    never from here.
    """

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: dict[str, Value]) -> None:
        self.tag = tag
        self.fields = fields

    def __repr__(self) -> str:
        return f"Node({self.tag!r}, {self.fields!r})"

    def get(self, name: str) -> Value:
        """The field's value; None also where this version of PostgreSQL doesn't print it."""
        return self.fields.get(name)

    def number(self, name: str) -> int:
        """The field as a number; 0 where it is missing."""
        value = self.fields.get(name)
        return value if isinstance(value, int) else 0

    def flag(self, name: str) -> bool:
        """The field as a flag; False where it is missing."""
        return self.fields.get(name) is True

    def node(self, name: str) -> "Node | None":
        """The field as a node, or None."""
        value = self.fields.get(name)
        return value if isinstance(value, Node) else None

    def nodes(self, name: str) -> "list[Node]":
        """The field's list of nodes, without its NULLs; empty for `<>`."""
        value = self.fields.get(name)
        return [v for v in value if isinstance(v, Node)] if isinstance(value, list) else []

    def numbers(self, name: str) -> list[int]:
        """The field's list of numbers, oids or set members; empty for `<>`."""
        value = self.fields.get(name)
        return [v for v in value if isinstance(v, int)] if isinstance(value, list) else []
