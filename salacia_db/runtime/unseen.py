"""What an error shows to those who look at local variables: none of ours holds a value."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncpg

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])

# The driver's, too, since it is we who gave it the values.
_OURS = (str(Path(__file__).parents[1]), str(Path(asyncpg.__file__).parent))


def forget(error: BaseException) -> None:
    """Empties the frames of ours, those that have ended, on the way that an error has come.

    Reports of errors show the local variables of each, and arguments may be secrets. A frame that
    still runs has to empty itself.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        todo += (each.__cause__, each.__context__)
        place = each.__traceback__
        while place is not None:
            if place.tb_frame.f_code.co_filename.startswith(_OURS):
                with suppress(RuntimeError):  # it runs
                    place.tb_frame.clear()
            place = place.tb_next


def unseen(method: F) -> F:
    """The method, of which an error tells no argument and no local variable."""

    @wraps(method)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return await method(*args, **kwargs)
        except BaseException as error:
            args, kwargs = (), {}
            forget(error)
            raise

    return cast("F", wrapper)
