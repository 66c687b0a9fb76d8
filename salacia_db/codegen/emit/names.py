"""Names: what a database or a file calls something, as a legal Python identifier.

Identifiers are ASCII: accents are dropped, letters of other scripts become their code points, so
that no name looks like another. `[tool.salacia.names]` overrules all of it.
"""

import difflib
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from salacia_db.codegen.emit.english import singular
from salacia_db.codegen.facts import Span
from salacia_db.codegen.problems import Problem

# What the runtime's Database and UnitOfWork already mean, or will: no group can be called so.
# A test compares it with the runtime.
SESSION_NAMES = frozenset(
    """
    advisory_lock after_commit after_rollback close commit connection count execute fetch fetchrow
    fetchval find find_one hooks is_open listen open open_connection outcome pool relations rollback
    run savepoint search_path session settings stats timeout transaction unit_of_work
    unit_of_work_class
    """.split()
)
# Modules of a generated package that no group may take; `connect` would hide the function.
MODULES = frozenset("composites connect database enums errors models relations rows tables".split())
# Names that the package's top level has anyway.
CLASSES = frozenset({"Database", "Queries", "UnitOfWork"})

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^A-Za-z0-9]+")


def field_name(name: str) -> str:
    """A field, a parameter, a function or a module: `createdAt` → `created_at`, `from` → `from_`.

    Never begins with an underscore, so that generated code can have such names to itself.
    """
    return _legal("_".join(_words(name)).lower(), "n")


def parameter_name(name: str) -> str:
    """A parameter of a method."""
    name = field_name(name)
    return "self_" if name == "self" else name


def class_name(name: str) -> str:
    """A class: `ai_providers` → `AiProviders`."""
    return _legal("".join(word[0].upper() + word[1:] for word in _words(name)), "N")


def group_class(group: str) -> str:
    """The class whose methods are the queries of a file or a folder."""
    return f"{class_name(group)}Queries"


def struct_name(table: str) -> str:
    """The class of one row of a table: `ai_interactions` → `AiInteraction`."""
    words = _words(table)
    return class_name("_".join([*words[:-1], singular(words[-1])]))


def member_name(label: str) -> str:
    """A member of an enum: `api_key` → `API_KEY`, the empty label → `EMPTY`."""
    return _legal("_".join(_words(label)).upper(), "N") if label else "EMPTY"


def is_class_name(name: str) -> bool:
    """Whether a person may call a class so, in `-- returns:`, `-- none:` or the settings."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and name[0] != "_"


class Overrides:
    """`[tool.salacia.names]`: the Python name of `table`, `table.column`, `enum.label` and so on.

    The schema may come first; the fuller key wins. What they leave open, sqlc's renames may say:
    by the name alone, of a table in the singular.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        renames: Mapping[str, str] | None = None,
        *,
        exact_tables: bool = False,
    ) -> None:
        self._names = names
        self._renames = renames or {}
        self._exact_tables = exact_tables
        self._asked: set[str] = set()
        self.problems = [
            Problem(
                f"[tool.salacia.names] {key} = {value!r} is no name that Python can use",
                hint="letters, digits and underscores, beginning with a letter",
            )
            for key, value in names.items()
            if not is_class_name(value)
        ]

    def get(self, schema: str, *path: str) -> str | None:
        """The name that somebody chose, if it is a legal one."""
        full, short = ".".join((schema, *path)), ".".join(path)
        self._asked |= {full, short}
        name = self._names.get(full)
        if name is None and path:
            name = self._names.get(short)
        return name if name and is_class_name(name) else None

    def unused(self) -> list[Problem]:
        """The entries that name nothing, once all names have been asked for."""
        found: list[Problem] = []
        for key in sorted(self._names.keys() - self._asked):
            near = difflib.get_close_matches(key, sorted(self._asked), n=1)
            hint = "write it as table, table.column or enum.label; the schema may come first"
            found.append(
                Problem(
                    f"[tool.salacia.names] {key!r} is nothing that the schema has",
                    hint=f"did you mean `{near[0]}`?" if near else hint,
                )
            )
        return found

    def renamed(self, name: str) -> str:
        """The name, or what a rename puts in its place: still to be made a legal one."""
        return self._renames.get(name, name)

    def struct_name(self, table: str) -> str:
        """The class of one row of a table."""
        *words, last = _words(table)
        one = "_".join([*words, singular(last)]).lower()
        if one in self._renames:
            return class_name(self._renames[one])
        if self._exact_tables or table in self._renames:
            return class_name(self.renamed(table))
        return struct_name(table)


class Clashes:
    """Identifiers that are taken in one scope, and by what."""

    def __init__(self, scope: str, report: Callable[[Problem], None]) -> None:
        self._scope = scope
        self._report = report
        self._taken: dict[str, str] = {}

    def names(self) -> frozenset[str]:
        """Every identifier that is taken."""
        return frozenset(self._taken)

    def take(self, name: str, source: str, at: Span | None = None) -> None:
        """Take a name for a source; report both where it is taken already."""
        other = self._taken.get(name)
        if other is None:
            self._taken[name] = source
            return
        again = f"{source} (again)" if source == other else source
        self._report(
            Problem(
                f"{other} and {again} both become `{name}` in {self._scope}",
                at=at,
                hint="rename one of them, or give it a name under [tool.salacia.names]:"
                ' "table.column" = "…", "enum.label" = "…"',
            )
        )


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, or with underscores before it: no generated name begins with one."""
    while name in taken:
        name = "_" + name
    return name


def _words(name: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    kept = "".join(
        c if c.isascii() else f"_u{ord(c):04x}_" for c in folded if not unicodedata.combining(c)
    )
    words = [word for part in _WORDS.split(kept) for word in _HUMPS.split(part) if word]
    # Nothing but punctuation: its code points are better than no name.
    return words or [f"u{ord(c):04x}" for c in name] or ["unnamed"]


def _legal(name: str, prefix: str) -> str:
    if name[0].isdigit():
        name = prefix + name
    return name + "_" if keyword.iskeyword(name) else name


def numbered_name(name: str) -> str:
    """What the method is called that gives the pages of a `:page` by their number."""
    return f"{name.rstrip('_')}_numbered"
