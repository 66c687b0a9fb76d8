"""Whether two expressions of a query tree are the same, wherever they stand in the text."""

from salacia_db.codegen.analysis.tree import Node, Value


def same_text(value: Value) -> str:
    """An expression's text without its places: equal for equal expressions."""
    if isinstance(value, Node):
        fields = (f"{k} {same_text(v)}" for k, v in value.fields.items() if k != "location")
        return f"{{{value.tag} {' '.join(fields)}}}"
    if isinstance(value, list):
        return f"({' '.join(same_text(v) for v in value)})"
    return repr(value)
