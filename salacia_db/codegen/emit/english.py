"""English, as far as table names need it: the singular of a word.

Small on purpose: what it gets wrong is named under `[tool.salacia.names]`.
"""

import re

_SAME = frozenset(
    """
    address alias analysis atlas basis bias bus business canvas chassis class corps crisis data dns
    gas https kudos lens media metadata news process progress series sms species status access
    """.split()
)
_IRREGULAR = {
    "aliases": "alias",
    "analyses": "analysis",
    "axes": "axis",
    "biases": "bias",
    "buses": "bus",
    "caches": "cache",
    "canvases": "canvas",
    "children": "child",
    "cookies": "cookie",
    "crises": "crisis",
    "criteria": "criterion",
    "gases": "gas",
    "headaches": "headache",
    "indices": "index",
    "lenses": "lens",
    "matrices": "matrix",
    "men": "man",
    "menus": "menu",
    "mice": "mouse",
    "movies": "movie",
    "people": "person",
    "quizzes": "quiz",
    "vertices": "vertex",
    "women": "woman",
    "zombies": "zombie",
}
_ENDINGS = (
    (re.compile(r"(?<=[^aeiou])ies$"), "y"),  # categories
    (re.compile(r"(?<=[^aeo]us)es$"), ""),  # statuses, bonuses; not causes, houses
    (re.compile(r"(?<=ss)es$|(?<=sh)es$|(?<=ch)es$|(?<=x)es$"), ""),  # addresses, boxes
    (re.compile(r"(?<![su])(?<!si)(?<!xi)s$"), ""),  # users, apis; not class, virus, thesis, axis
)


def singular(word: str) -> str:
    """One of what the word counts; the word itself where it is no plural. Keeps its case."""
    lower = word.lower()
    if lower in _SAME or len(lower) < 3:
        return word
    found = _IRREGULAR.get(lower)
    if found is None:
        for ending, replacement in _ENDINGS:
            if ending.search(lower):
                found = ending.sub(replacement, lower)
                break
    if found is None:
        return word
    shared = 0
    while shared < min(len(found), len(word)) and found[shared] == lower[shared]:
        shared += 1
    return word[:shared] + found[shared:]
