"""The writer: values and calls as lines of Python that the formatter leaves as they are."""

import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

WIDTH = 100
STEP = "    "
# What begins and ends a reference or a decoder: text that holds them must not become one.
MARKS = "«»⟪⟫"
_UNSAFE = re.compile(r"[^ -\[\]-~]")
_BARE_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"$')


class Call(Struct, frozen=True):
    """Anything with items between brackets. `hug` is False where the formatter knows no middle form

    (a tuple, a list, an import): it then goes straight to one item on each line.
    """

    head: str
    items: Sequence["Code"]
    close: str = ")"
    hug: bool = True


class Named(Struct, frozen=True):
    """`name=value` among the items of a call."""

    name: str
    value: "Code"


class Lambda(Struct, frozen=True):
    """A function of one argument; only for bodies that fit on the line."""

    parameter: str
    body: "Code"


class Comprehension(Struct, frozen=True):
    """`[item for loop]`, or another pair of brackets."""

    item: "Code"
    loop: str
    open: str = "["
    close: str = "]"


class Lines(Struct, frozen=True):
    """Adjacent string literals, which Python reads as one; `joined` is that one."""

    joined: str
    parts: tuple[str, ...]


Code: TypeAlias = str | Call | Named | Lambda | Comprehension | Lines


def flat(code: Code) -> str:
    """The code on one line."""
    if isinstance(code, str):
        return code
    if isinstance(code, Lines):
        return code.joined
    if isinstance(code, Named):
        return f"{code.name}={flat(code.value)}"
    if isinstance(code, Lambda):
        return f"lambda {code.parameter}: {flat(code.body)}"
    if isinstance(code, Comprehension):
        return f"{code.open}{flat(code.item)} for {code.loop}{code.close}"
    return code.head + ", ".join(map(flat, code.items)) + code.close


def layout(code: Code, *, indent: str = "", before: str = "", after: str = "") -> list[str]:
    """The code in the first form that fits: one line, one indented line, one item on each line."""
    if isinstance(code, Named):
        return layout(code.value, indent=indent, before=f"{before}{code.name}=", after=after)
    line = indent + before + flat(code) + after
    if len(line) <= WIDTH or isinstance(code, Lambda):
        return [line]
    inner = indent + STEP
    if isinstance(code, str):
        first, *rest = clauses = _clauses(code)
        if rest and before.endswith(" "):  # an assignment or a return, not an argument
            return [f"{indent}{before}(", *(inner + each for each in clauses), f"{indent}){after}"]
        return _ended([indent + before + first, *(indent + each for each in rest)], after)
    if isinstance(code, Lines) and before:
        parts = [inner + part for part in code.parts]
        return [indent + before + "(", *parts, indent + ")" + after]
    if isinstance(code, Lines):
        return _ended([indent + part for part in code.parts], after)
    if isinstance(code, Comprehension):
        one = f"{inner}{flat(code.item)} for {code.loop}"
        body = [*layout(code.item, indent=inner), f"{inner}for {code.loop}"]
        body = [one] if len(one) <= WIDTH else body
        return [indent + before + code.open, *body, indent + code.close + after]
    if not code.items:
        return [line]
    one = inner + ", ".join(map(flat, code.items))
    if code.hug and len(one) <= WIDTH:
        body = [one]
    else:
        body = [out for item in code.items for out in layout(item, indent=inner, after=",")]
    # The comma of a tuple of one stands behind its item now.
    return [indent + before + code.head, *body, indent + code.close.lstrip(",") + after]


def _ended(lines: list[str], after: str) -> list[str]:
    return [*lines[:-1], lines[-1] + after]


def _clauses(text: str) -> list[str]:
    """An expression cut before the `if` and `else` that are not inside brackets."""
    depth, start, found = 0, 0, list[str]()
    for match in re.finditer(r"[(\[{]|[)\]}]| (?=(?:if|else) )", text):
        if match[0] == " " and not depth:
            found.append(text[start : match.start()])
            start = match.end()
        depth += (match[0] in "([{") - (match[0] in ")]}")
    return [*found, text[start:]]


def literal(text: str) -> str:
    """The text as a string literal, in the quotes that need fewer escapes; the double at a tie."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = _UNSAFE.sub(lambda match: _escaped(match[0]), text)
    return quote + body.replace(quote, "\\" + quote) + quote


def _escaped(character: str) -> str:
    return (ascii if character in MARKS else repr)(character)[1:-1]


def text_lines(text: str) -> Lines:
    """The text as one literal for each of its lines."""
    return Lines(literal(text), tuple(literal(line) for line in text.splitlines(keepends=True)))


def strings(values: Iterable[str]) -> Call:
    """A tuple of strings."""
    items = [literal(value) for value in values]
    return Call("(", items, ",)" if len(items) == 1 else ")", hug=False)


def docstring(text: str, indent: str = "") -> list[str]:
    """The text as a docstring; nothing that it holds can end it. No line for an empty text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in _escape(text))
    lines: list[str] = []
    for long in inspect.cleandoc(shown).split("\n"):
        # The first line stands between quotes.
        lines += _wrapped(long, WIDTH - len(indent) - (0 if lines else 6))
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return []
    if len(lines) == 1:
        return [f'{indent}"""{_quoted_edges(lines[0])}"""']
    first, *rest = lines
    body = [f'{indent}"""{_quoted_edges(first, end=False)}']
    body += [indent + line if line else "" for line in rest]
    return [*body, f'{indent}"""']


def _wrapped(line: str, room: int) -> list[str]:
    """The line in pieces that fit: what people write in SQL knows nothing of our width."""
    line = line.rstrip()
    if len(line) <= room:
        return [line]
    return textwrap.wrap(
        line,
        room,
        subsequent_indent=line[: len(line) - len(line.lstrip())],
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _quoted_edges(line: str, *, end: bool = True) -> str:
    """A quote beside the docstring's own would join them."""
    if line.startswith('"'):
        line = "\\" + line
    if end and _BARE_QUOTE.search(line):
        line = line[:-1] + '\\"'
    return line
