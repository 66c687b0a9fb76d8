"""Types of the application's own: how a value becomes one, and whether that can be right."""

import re

from salacia_db.codegen.classes import Classes, Definition
from salacia_db.codegen.emit.imports import RUNTIME, decoder, reference
from salacia_db.codegen.emit.imports import plain as bare
from salacia_db.codegen.emit.types import (
    ANY,
    DECODE,
    INTERVAL,
    RAW,
    TIMEDELTA,
    PyType,
    json_type,
    same,
    secret,
)
from salacia_db.codegen.emit.unfound import unfound
from salacia_db.codegen.facts import Converter, PgType
from salacia_db.codegen.problems import Problem

_NAMED = re.compile(r"«([\w.]+):(\w+)»")
_TAKEN_AS_THEY_COME = frozenset(("builtins", "typing"))


class OwnTypes:
    """What the settings say instead of PostgreSQL's types; collects what can't be."""

    def __init__(self, classes: Classes | None) -> None:
        self.problems: list[Problem] = []
        self._classes = classes

    def unfound(self, override: str | Converter) -> list[Problem]:
        """What of it Python couldn't import."""
        if self._classes is None:
            return []
        told = override if isinstance(override, str) else ""
        if isinstance(override, Converter):
            told = " ".join(filter(None, (override.type, override.read, override.write)))
        found = (unfound(self._classes, *named) for named in _NAMED.findall(told))
        return [problem for problem in found if problem is not None]

    def overridden(
        self, override: str | Converter, plain: PyType | None, type_: PgType
    ) -> PyType | None:
        """The type that the settings name for what else would be `plain`."""
        if isinstance(override, Converter):
            return PyType(
                read=override.type,
                given=override.type,
                base=ANY if plain is None else plain.base,
                load=f"{override.read}({plain.load if plain and plain.encoded else '{}'})",
                dump=None if override.write is None else f"{override.write}({{}})",
                atomic=False,
                encoded=plain is not None and plain.encoded,
            )
        if plain is None:
            return None if override == "secret" else same(override, atomic=False)
        if override == "secret":
            return secret(plain)
        if plain.json:
            return _of_json(override)
        if override == plain.read:
            return plain
        if override == TIMEDELTA and plain.read == INTERVAL:
            return PyType(TIMEDELTA, TIMEDELTA, INTERVAL, load="{}.timedelta()")
        return self._of_value(override, plain, type_)

    def _of_value(self, override: str, plain: PyType, type_: PgType) -> PyType:
        """A class for anything but JSON."""
        named = _NAMED.fullmatch(override)
        if named is None or named[1] in _TAKEN_AS_THEY_COME:
            return same(override, atomic=False)
        definition = None if self._classes is None else self._classes.find(named[1], named[2])
        if plain.enum is not None:
            return self._own_enum(override, plain.enum, definition)
        if definition is not None and definition.labels is not None:
            return _enum(override, plain, definition.labels)
        if definition is not None and definition.plain and override not in plain.read:
            self._wrong(
                f"{bare(override)} is a class, and nothing says how a value of {type_.display} "
                "becomes one",
                f'write {{type = "{named[1]}.{named[2]}", read = "…", write = "…"}}, with '
                f"functions between it and {bare(plain.read)}",
            )
        return same(override, atomic=False)

    def _own_enum(self, override: str, enum: PgType, definition: Definition | None) -> PyType:
        if self._classes is None or self.unfound(override):
            return _enum(override, None, enum.labels)
        name = bare(override)
        if definition is None or definition.labels is None:
            self.problems.append(
                Problem(
                    f"the labels of {name} can't be read in its source, so that they are not "
                    f"compared with those of {enum.display}",
                    hint="make it an Enum whose values are plain texts, in a module that lies in "
                    "the project's folder or its src",
                    severity="warning",
                )
            )
        else:
            lacking = [label for label in enum.labels if label not in definition.labels]
            beyond = [label for label in definition.labels if label not in enum.labels]
            told = [f"lacks {', '.join(map(repr, lacking))}"] if lacking else []
            told += [f"has {', '.join(map(repr, beyond))} beyond it"] if beyond else []
            if told:
                self._wrong(
                    f"{name} is not the enum {enum.display}: it {' and '.join(told)}",
                    "give both the same labels",
                )
        return _enum(override, None, enum.labels)

    def _wrong(self, message: str, hint: str) -> None:
        self.problems.append(Problem(f"[tool.salacia.types] {message}", hint=hint))


def _enum(override: str, plain: PyType | None, labels: tuple[str, ...]) -> PyType:
    base = reference("builtins", "str") if plain is None else plain.base
    load = f"{reference(RUNTIME, 'enum_members')}({override})[{{}}]"
    return PyType(override, override, base, load=load, dump="{}.value", labels=labels)


def _of_json(override: str) -> PyType:
    if override in (ANY, reference("builtins", "object")):
        return json_type(override, DECODE)
    if override.removesuffix(" | None") == RAW:
        # JSON's null is raw, too; whether there is NULL is known from the column.
        return json_type(RAW, RAW)
    return json_type(override, decoder(override))
