"""Imports: the names that a module uses from elsewhere, found while its code is written.

Types travel through the generator as text with references in it, `«module:name»`, since what a
module may call a name is only known there: a column `date` hides the type of that name.
"""

import re
import sys
from collections.abc import Iterable
from itertools import count

from salacia_db.codegen.emit.names import class_name
from salacia_db.codegen.emit.writer import WIDTH, Call, layout

_REFERENCE = re.compile(r"«([\w.]+):(\w+)»")
_DECODER = re.compile(r"⟪(.+?)⟫")
RUNTIME = "salacia_db.runtime"


def reference(module: str, name: str) -> str:
    """A name of a module, to be spelled by whoever uses it. A leading dot: of this package."""
    return f"«{module}:{name}»"


def decoder(type_: str) -> str:
    """A function that decodes JSON into the type, to be made and named by whoever uses it."""
    return f"⟪{type_}⟫"


def plain(text: str) -> str:
    """The text with its references as bare names, for people."""
    return _REFERENCE.sub(r"\2", text)


class Imports:
    """The imports of one module of a generated package.

    `module` is its name within the package (`.billing.invoices`); `hidden` holds the names that
    mean something else somewhere in it (fields, methods, parameters, classes of the package),
    `defined` the classes that it defines itself.
    """

    def __init__(
        self,
        module: str,
        hidden: Iterable[str] = (),
        defined: Iterable[str] = (),
        *,
        package: bool = False,
    ) -> None:
        self._folder = module.split(".")[1:] if package else module.split(".")[1:-1]
        self._module = module
        self._hidden = frozenset(hidden)
        self._defined = frozenset(defined)
        self._names: dict[tuple[str, str], str] = {}
        self._decoders: dict[str, str] = {}

    def use(self, module: str, name: str) -> str:
        """What the module calls a name of another module; imports it."""
        if module == self._module:
            return name
        local = self._names.get((module, name))
        if local is None:
            local = self._names[module, name] = self._local(module, name)
        return local

    def spell(self, text: str) -> str:
        """The text with its references replaced by local names."""
        text = _DECODER.sub(lambda match: self._decoder(match[1]), text)
        return _REFERENCE.sub(lambda match: self.use(match[1], match[2]), text)

    def decoders(self) -> list[str]:
        """The decoders of JSON that the module uses, as constants of it."""
        lines: list[str] = []
        for type_, name in sorted(self._decoders.items(), key=lambda item: item[1]):
            text = self.spell(type_)
            callable_ = self.use("collections.abc", "Callable")
            hint = f"{callable_}[[{self.use('builtins', 'bytes')}], {text}]"
            make = Call(f"{self.use(RUNTIME, 'json_decoder')}(", [text])
            lines += layout(make, before=f"{name}: {hint} = ")
        return ["", *lines] if lines else []

    def lines(self) -> list[str]:
        """The import statements, in the order and form that ruff gives them."""
        modules: dict[str, list[tuple[str, str]]] = {}
        for (module, name), local in self._names.items():
            if module != "builtins" or local != name:
                modules.setdefault(self._spelled(module), []).append((name, local))
        sections: dict[int, list[str]] = {}
        for module in sorted(modules, key=_module_key):
            sections.setdefault(_section(module), []).extend(_statements(module, modules[module]))
        return [line for section in sorted(sections) for line in (*sections[section], "")][:-1]

    def _decoder(self, type_: str) -> str:
        if type_ not in self._decoders:
            name = "_decode_" + "_".join(re.findall(r"\w+", plain(type_))).lower()
            taken = self._decoders.values()
            self._decoders[type_] = next(
                tried for n in count(1) if (tried := f"{name}_{n}" if n > 1 else name) not in taken
            )
        return self._decoders[type_]

    def _local(self, module: str, name: str) -> str:
        taken = {*self._names.values(), *self._defined}
        if module.startswith("."):
            # A struct of this package keeps its name unless two schemas have one alike.
            hidden = name[0].islower() and name in self._hidden
            if name not in taken and not hidden:
                return name
            name = name if hidden else class_name(module.rpartition(".")[2]) + name
        while name in taken or name in self._hidden:
            name = name + "_" if name.startswith("_") else "_" + name
        return name

    def _spelled(self, module: str) -> str:
        if not module.startswith("."):
            return module
        path = module.split(".")[1:]
        shared = 0
        while shared < min(len(path), len(self._folder)) and path[shared] == self._folder[shared]:
            shared += 1
        return "." * (1 + len(self._folder) - shared) + ".".join(path[shared:])


def _section(module: str) -> int:
    if module.startswith("."):
        return 2
    return 0 if module.split(".")[0] in sys.stdlib_module_names else 1


def _module_key(module: str) -> tuple[int, int, list[str | int]]:
    dots = len(module) - len(module.lstrip("."))
    return _section(module), -dots, _natural(module)


def _statements(module: str, names: list[tuple[str, str]]) -> list[str]:
    """The names in one statement, and each that is renamed in one of its own."""
    head = f"from {module} import "
    found = [(name, [f"{head}{name} as {local}"]) for name, local in names if name != local]
    items = sorted((name for name, local in names if name == local), key=sort_key)
    if items:
        line = head + ", ".join(items)
        wrapped = layout(Call(f"{head}(", items, hug=False))
        found.append((items[0], [line] if len(line) <= WIDTH else wrapped))
    found.sort(key=lambda statement: sort_key(statement[0]))
    return [line for _, lines in found for line in lines]


def sort_key(name: str) -> tuple[int, list[str | int], str]:
    """Isort's order of names: CONSTANTS, then Classes, then the rest, numbers by their value."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, _natural(name), name


def _natural(name: str) -> list[str | int]:
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if part.isdigit() else part for part in parts]
