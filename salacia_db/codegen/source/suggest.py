"""Did you mean: the candidate nearest to a misspelt word."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The candidate most like `word`, whatever the case; None if none is as like as `likeness`.

    The same candidates in another order give the same answer.
    """
    folded: dict[str, str] = {}
    for candidate in sorted(candidates):
        folded.setdefault(candidate.casefold(), candidate)
    near = difflib.get_close_matches(word.casefold(), sorted(folded), n=3, cutoff=likeness)
    # Letters in the wrong order are the commonest slip, and not what difflib likes best.
    swapped = [name for name in near if sorted(name) == sorted(word.casefold())]
    return folded[(swapped or near)[0]] if near else None
