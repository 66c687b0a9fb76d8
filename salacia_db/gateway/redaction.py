"""Leaving out keys and credentials, by the names that they go by and by what they look like."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, cast

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

REMOVED = "[removed]"

# Whole words of a name, which is taken apart at hyphens, underscores and capitals; so `tokens`, a
# count, is none of them.
_WORDS = frozenset(
    """
    auth authorization authentication bearer cookie cookies credential credentials jwt key apikey
    passwd password passphrase secret secrets session sessionid signature token accesstoken
    refreshtoken
    """.split()
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# A header's value by the schemes of Authorization, and the well-known forms of keys and tokens.
_SCHEME = re.compile(r"\s*(bearer|basic|digest|negotiate)\s", re.IGNORECASE)
_KEY = re.compile(
    r"\b(?:sk|gsk|xai)[-_][\w-]{16,}"
    r"|\bAIza[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|(?<=\b[Bb]earer )[\w.~+/=-]{16,}"
)
_IN_QUERY = re.compile(r"([?&;])([^=&;#\s]+)=([^&;#\s]*)")


def headers(given: Headers) -> dict[str, str]:
    """The headers by their names in lower case, without those that carry a key or a credential.

    A header that is there several times is one, with commas between.
    """
    items = cast("Mapping[str, str]", given).items() if isinstance(given, Mapping) else given
    kept: dict[str, str] = {}
    for name, value in items:
        if is_secret(name) or _SCHEME.match(value) or _KEY.search(value):
            continue
        shown, known = _without_query(value), kept.get(name.lower())
        kept[name.lower()] = shown if known is None else f"{known}, {shown}"
    return kept


def json(value: Any) -> Any:
    """JSON without the fields that carry a key or a credential, however deep they lie."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {name: json(item) for name, item in fields.items() if not is_secret(str(name))}
    if isinstance(value, list | tuple):
        return [json(item) for item in cast("list[Any]", value)]
    return text(value) if isinstance(value, str) else value


def text(value: str) -> str:
    """The text with `[removed]` where a credential stands in it."""
    return _KEY.sub(REMOVED, value)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a field or header of this name carries a key or a credential."""
    # Capitals part the words of a field's name, but those of a header's name mean nothing.
    words = {word.lower() for word in _WORD.findall(name)} | set(_WORD.findall(name.lower()))
    return not _WORDS.isdisjoint(words)


def _without_query(value: str) -> str:
    """A header that is a URL, as Referer is, may carry a key among its parameters."""
    return _IN_QUERY.sub(
        lambda found: f"{found[1]}{found[2]}={REMOVED if is_secret(found[2]) else found[3]}", value
    )
