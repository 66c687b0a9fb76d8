"""Token counts, as the providers put them into their responses."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from salacia_db.gateway import storable

_PROMPT = ("input_tokens", "prompt_tokens")
_COMPLETION = ("output_tokens", "completion_tokens")


class Tokens(NamedTuple):
    """What an exchange cost; None where the provider gave no count."""

    prompt: int | None
    completion: int | None
    total: int | None


def tokens_of(response: Any) -> Tokens:
    """The counts of a response's `usage`; what is no count is as if it weren't there.

    The total is the sum of both, or the one that is known, or else the total that is given.
    Ollama's counts lie beside the answer.
    """
    if not isinstance(response, Mapping):
        return Tokens(None, None, None)
    answer = cast("Mapping[str, Any]", response)
    usage = answer.get("usage")
    if isinstance(usage, Mapping):
        counts = cast("Mapping[str, Any]", usage)
        prompt, completion = _first(counts, *_PROMPT), _first(counts, *_COMPLETION)
        given = _first(counts, "total_tokens")
    else:
        prompt, completion = _first(answer, "prompt_eval_count"), _first(answer, "eval_count")
        given = None
    known = [count for count in (prompt, completion) if count is not None]
    return Tokens(prompt, completion, storable.number(sum(known)) if known else given)


def _first(counts: Mapping[str, Any], *names: str) -> int | None:
    return next(
        (
            count
            for count in (storable.number(counts.get(name)) for name in names)
            if count is not None
        ),
        None,
    )
