"""Constants and arrays: what can be read off the tree without any proof."""

from salacia_db.codegen.analysis.tree import Node


def is_null(node: Node) -> bool:
    """Whether the expression is a NULL constant, also under a change of type."""
    while node.tag in ("RELABELTYPE", "COERCEVIAIO", "ARRAYCOERCEEXPR"):
        inner = node.node("arg")
        if inner is None:
            return False
        node = inner
    return node.tag == "CONST" and node.flag("constisnull")


def boolean(node: Node) -> bool | None:
    """The value of a boolean constant; None for anything else, NULL included."""
    value = node.get("constvalue")
    if node.tag != "CONST" or node.number("consttype") != 16 or not isinstance(value, bytes):
        return None
    return any(value)


def integer(node: Node) -> int | None:
    """The value of an integer constant, also under a cast to a wider integer."""
    casts = (313, 314, 480, 481, 482, 754)
    while node.tag == "FUNCEXPR" and node.number("funcid") in casts and node.nodes("args"):
        node = node.nodes("args")[0]
    value = node.get("constvalue")
    if node.tag != "CONST" or not isinstance(value, bytes):
        return None
    if node.number("consttype") not in (20, 21, 23):  # int8, int2, int4
        return None
    # A datum is printed as the machine's bytes. On a big-endian one a small number reads as a huge
    # one, which proves nothing and harms nothing.
    return int.from_bytes(value[:8], "little", signed=True)


def holds_elements(node: Node) -> bool:
    """Whether an array surely has an element, as the right side of `x IN (1, 2)` does."""
    if node.tag == "ARRAYEXPR":
        return not node.flag("multidims") and bool(node.nodes("elements"))
    if node.tag in ("ARRAYCOERCEEXPR", "RELABELTYPE"):
        inner = node.node("arg")
        return inner is not None and holds_elements(inner)
    value = node.get("constvalue")
    # An array's datum: length, number of dimensions, offset to its data, element type, …
    return node.tag == "CONST" and _is_array(node) and isinstance(value, bytes) and any(value[4:8])


def lacks_nulls(node: Node) -> bool:
    """Whether an array constant has no NULL among its elements."""
    value = node.get("constvalue")
    if node.tag != "CONST" or not _is_array(node) or not isinstance(value, bytes):
        return False
    return len(value) >= 12 and not any(value[8:12])  # no offset: no bitmap of NULLs


def _is_array(node: Node) -> bool:
    return node.number("constlen") == -1
