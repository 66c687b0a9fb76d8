"""A statement with optional lines as generated code: its fragments, and what chooses them."""

from collections.abc import Iterator, Mapping, Sequence

from salacia_db.codegen.emit.imports import RUNTIME, Imports
from salacia_db.codegen.emit.plan import Method
from salacia_db.codegen.emit.writer import Call, Code, Lines, Named, layout, literal, strings
from salacia_db.codegen.facts import Bit, Choice, Fragment
from salacia_db.texts import Key


def dynamic_lines(
    method: Method, label: str, constant: str, options: Sequence[Code], imports: Imports
) -> list[str]:
    """The assignments of the statement to its constant, and of what runs where it sets nothing."""
    query = method.query
    assert query.dynamic is not None
    masks = {bit: 1 << index for index, bit in enumerate(query.dynamic.bits)}
    chosen = _chosen(method, masks, imports)
    items = [*options, *chosen]
    lines: list[str] = []
    if query.dynamic.suffix is not None:
        items.append(Named("suffix", literal(query.dynamic.suffix)))
    if query.dynamic.written:
        items.append(f"written={_mask(query.dynamic.written, masks)}")
    if query.emptied is not None:
        # No query's own constant: words of a name are joined by one underscore.
        emptied = f"{constant}__EMPTY"
        proofs = [f"{name}=True" for name in ("read_only", "clean") if getattr(query.emptied, name)]
        kept: list[Code] = [o for o in options if isinstance(o, Named) and o.name == "parameters"]
        kept += [
            o
            for o in options
            if isinstance(o, str) and o.startswith(("json=", "timeout=", "none=", "first="))
        ]
        found: list[Code] = [
            literal(label),
            _parts(query.emptied.dynamic.fragments, f"-- {label}\n", masks, imports),
            *kept,
        ]
        call = Call(f"{imports.use(RUNTIME, 'Dynamic')}(", [*found, *proofs, *chosen])
        lines += layout(call, before=f"{emptied} = ")
        items.append(f"emptied={emptied}")
    head: list[Code] = [
        literal(label),
        _parts(query.dynamic.fragments, f"-- {label}\n", masks, imports),
    ]
    call = Call(f"{imports.use(RUNTIME, 'Dynamic')}(", [*head, *items])
    return [*lines, *layout(call, before=f"{constant} = ")]


def paged_lines(
    method: Method, label: str, constant: str, options: Sequence[Code], imports: Imports
) -> list[str]:
    """The assignment of a statement of kind `:page` to its constant."""
    query = method.query
    assert query.paging is not None
    assert query.dynamic is not None
    masks = {bit: 1 << index for index, bit in enumerate(query.dynamic.bits)}
    paging = query.paging
    parts = (
        ("head", paging.head),
        ("select", paging.select),
        ("source", paging.source),
        ("filter", paging.filter),
    )
    items: list[Code] = [literal(label)]
    for name, fragments in parts:
        before = f"-- {label}\n" if name == "head" else ""
        items.append(Named(name, _parts(fragments, before, masks, imports)))
    orders: list[Code] = [
        Call(
            f"{literal(order) if order is not None else None}: (",
            [_key(key, imports) for key in keys],
            ",)" if len(keys) == 1 else ")",
            hug=False,
        )
        for order, keys in paging.orders
    ]
    items.append(Named("orders", Call("{", orders, "}", hug=False)))
    items += [*options, *_chosen(method, masks, imports)]
    call = Call(f"{imports.use(RUNTIME, 'Paged')}(", items)
    return layout(call, before=f"{constant} = ")


def _key(key: Key, imports: Imports) -> Call:
    texts = [str(item) if isinstance(item, int) else literal(item) for item in key.items]
    items: list[Code] = [Call("(", texts, ",)" if len(texts) == 1 else ")", hug=False)]
    flags = ("descending", "nulls_first", "nullable")
    items += [f"{flag}=True" for flag in flags if getattr(key, flag)]
    return Call(f"{imports.use(RUNTIME, 'Key')}(", items)


def _chosen(method: Method, masks: Mapping[Bit, int], imports: Imports) -> list[Code]:
    """The options that tell which argument gives which bits."""
    optional = [argument for argument in method.arguments if argument.optional]
    given = {p.number: p.name for p in method.query.parameters}
    names = dict(zip((a.name for a in method.arguments), given.values(), strict=True))
    items: list[Code] = []
    if optional:
        pairs: list[Code] = [f"{literal(a.name)}: {masks[names[a.name], None]}" for a in optional]
        items.append(Named("optional", Call("{", pairs, "}", hug=False)))
    nullable = [argument.name for argument in optional if argument.nullable]
    if nullable:
        items.append(Named("nullable", strings(nullable)))
    if method.choices:
        unset = imports.use(RUNTIME, "UNSET")
        choices: list[Code] = [
            Call(f"{literal(argument.name)}: {{", _labels(choice, masks, unset), "}", hug=False)
            for argument, choice in zip(method.choices, method.query.statement.choices, strict=True)
        ]
        items.append(Named("choices", Call("{", choices, "}", hug=False)))
    return items


def _labels(choice: Choice, masks: Mapping[Bit, int], unset: str) -> list[Code]:
    labels = [*choice.labels]
    if choice.flag:
        labels += [label for label in ("true", "false") if label not in labels]
    found: list[Code] = [
        f"{label.capitalize() if choice.flag else literal(label)}: "
        f"{masks.get((choice.name, label), 0)}"
        for label in labels
    ]
    return found if choice.default is not None else [*found, "None: 0", f"{unset}: 0"]


def _mask(clause: Sequence[Bit], masks: Mapping[Bit, int]) -> int:
    return sum(masks[bit] for bit in clause)


def _parts(
    fragments: Sequence[Fragment], before: str, masks: Mapping[Bit, int], imports: Imports
) -> Call:
    """The fragments, with a comment before the first, which is there in each shape."""
    items: list[Code] = []
    if before and (not fragments or fragments[0].needs):
        items.append(literal(before if fragments else before.rstrip("\n")))
        before = ""
    for fragment in fragments:
        texts = list(_texts(fragment, before))
        before = ""
        if not fragment.needs:
            items += texts
            continue
        needs = [str(_mask(clause, masks)) for clause in fragment.needs]
        first = needs[0] if len(needs) == 1 else f"({', '.join(needs)})"
        items.append(Call(f"{imports.use(RUNTIME, 'When')}(", [first, *texts]))
    return Call("(", items, ",)" if len(items) == 1 else ")", hug=False)


def _texts(fragment: Fragment, before: str) -> Iterator[Code]:
    for item in fragment.items:
        if isinstance(item, int):
            yield str(item)
        else:
            text = before + item
            before = ""
            yield Lines(literal(text), tuple(literal(t) for t in text.splitlines(keepends=True)))
