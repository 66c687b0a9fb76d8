"""Names as a file writes them, made into names for Python."""

import keyword
import re
import unicodedata
from pathlib import PurePath

_HUMP = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])"
    # HTTPStatus is http_status, but IDs is ids.
    r"|(?<=[A-Z])(?=[A-Z][a-z])(?![A-Z]s(?![a-z]))"
)
_SEPARATOR = re.compile(r"[-. ]+")


def snake_case(name: str) -> str:
    """`ListAuthors` and `listAuthors` as `list_authors`; what is snake_case stays."""
    return _HUMP.sub("_", unicodedata.normalize("NFKC", name)).lower()


def python_name(name: str) -> str | None:
    """The name in snake_case if it is a public Python identifier, key words included; else None."""
    snake = unicodedata.normalize("NFKC", snake_case(name))
    return snake if snake.isidentifier() and not snake.startswith("_") else None


def identity(name: str) -> str:
    """What two Python names share if generated code can't hold both: key words end in `_`."""
    return f"{name}_" if keyword.iskeyword(name) else name


def group_name(path: PurePath) -> str | None:
    """The group of a file, `user-tokens.sql` as `user_tokens`; None if it can't be one."""
    return python_name(_SEPARATOR.sub("_", path.stem))
