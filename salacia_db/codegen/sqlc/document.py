"""sqlc.yaml and sqlc.json as values that know where they stand in the file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from salacia_db.codegen.facts import SourceFile, Span
from salacia_db.codegen.problems import Problem, ProblemsError
from salacia_db.codegen.project import without_passwords
from salacia_db.codegen.source.suggest import did_you_mean

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, Node

Scalar: TypeAlias = str | int | float | bool | None


class Setting(Struct, frozen=True):
    """A value and its place; of a table, each value with the place of its key."""

    value: "Scalar | list[Setting] | dict[str, Setting]"
    at: Span


class Table:
    """A table of the file, read key by key: what isn't as it should be is added to `problems`."""

    def __init__(self, values: dict[str, Setting], at: Span, problems: list[Problem]) -> None:
        self.at = at
        self.problems = problems
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def place(self, name: str) -> Span:
        """Where the value of a key stands; the table's own place if it isn't there."""
        found = self._values.get(name)
        return self.at if found is None else found.at

    def names(self) -> list[str]:
        """The keys that have a value, in the order of the file."""
        return [name for name, found in self._values.items() if found.value is not None]

    def text(self, name: str) -> str | None:
        """A text; a number is taken for one, as sqlc does."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            self._wrong(name, "a text")
            return None
        return value if value is None else str(value)

    def is_table(self, name: str) -> bool:
        """Whether the key's value is a table of settings."""
        return isinstance(self._value(name), dict)

    def flag(self, name: str) -> bool:
        """true or false; false if it isn't there."""
        value = self._value(name)
        if not isinstance(value, bool | None):
            self._wrong(name, "true or false")
        return value is True

    def texts(self, name: str) -> list[tuple[str, Span]]:
        """A text, or a list of them, each with its place."""
        value = self._value(name)
        if isinstance(value, str):
            return [(value, self.place(name))]
        found = value if isinstance(value, list) else []
        texts = [(item.value, item.at) for item in found if isinstance(item.value, str)]
        if value is not None and (not isinstance(value, list) or len(texts) < len(found)):
            self._wrong(name, "a text or a list of texts")
        return texts

    def table(self, name: str) -> "Table":
        """A table within this one; an empty one if it isn't there."""
        value = self._value(name)
        if not isinstance(value, dict | None):
            self._wrong(name, "a table of settings")
        return Table(value if isinstance(value, dict) else {}, self.place(name), self.problems)

    def tables(self, name: str) -> list["Table"]:
        """A list of tables; empty if it isn't there."""
        value = self._value(name)
        found = value if isinstance(value, list) else []
        tables = [Table(i.value, i.at, self.problems) for i in found if isinstance(i.value, dict)]
        if value is not None and (not isinstance(value, list) or len(tables) < len(found)):
            self._wrong(name, "a list of tables")
        return tables

    def check_names(self, known: Iterable[str]) -> None:
        """Report keys that look like a slip of one of `known`; sqlc's others are passed over."""
        candidates = list(known)
        for name, found in self._values.items():
            near = did_you_mean(name, candidates, likeness=0.8)
            if near is not None and name not in candidates:
                message = f"there is no setting {name!r}"
                self.problems.append(Problem(message, found.at, f"did you mean `{near}`?"))

    def _value(self, name: str) -> "Scalar | list[Setting] | dict[str, Setting]":
        found = self._values.get(name)
        return None if found is None else found.value

    def _wrong(self, name: str, wanted: str) -> None:
        self.problems.append(Problem(f"`{name}` has to be {wanted}", self.place(name)))


def read_document(path: Path, shown: str, problems: list[Problem]) -> Table:
    """The file's top table. Raises ProblemsError where it can't be read at all."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ProblemsError(Problem(f"{shown} isn't UTF-8", hint="save it as UTF-8")) from None
    except OSError as error:
        problem = Problem(f"{shown} can't be read: {error.strerror}")
        raise ProblemsError(problem) from None
    # Problems show lines of the file, in which the URL of a database may stand.
    source = SourceFile(shown, without_passwords(text))
    if path.suffix == ".json":
        text = _checked_json(text, source)
    top = _Reader(text, source).read()
    if not isinstance(top.value, dict):
        hint = 'sqlc\'s configuration begins with `version: "2"`'
        raise ProblemsError(Problem(f"{shown} holds no settings", Span(source, 0, 0), hint))
    return Table(top.value, Span(source, 0, 0), problems)


def _checked_json(text: str, source: SourceFile) -> str:
    """JSON in a form that YAML's rules can read, each character at its place."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = Span(source, error.pos, error.pos + 1)
        raise ProblemsError(Problem(f"this is not valid JSON: {error.msg}", at)) from None
    # Tabs stand between the tokens of JSON, never in its strings; YAML wants none there.
    return text.replace("\t", " ")


class _Reader:
    """Builds settings from YAML's own nodes, which know their places."""

    def __init__(self, text: str, source: SourceFile) -> None:
        try:
            from yaml import SafeLoader
        except ModuleNotFoundError:
            hint = "pip install 'salacia-db[generator]'"
            problem = Problem(f"reading {source.path} needs PyYAML", hint=hint)
            raise ProblemsError(problem) from None
        self._source = source
        self._text = text
        self._loader_class = SafeLoader
        # By their nodes: an anchor that many places refer to is read once.
        self._read: dict[int, Setting | None] = {}

    def read(self) -> Setting:
        """The one document of the file."""
        from yaml import MarkedYAMLError, YAMLError

        try:
            self._loader = self._loader_class(self._text)
            node = self._loader.get_single_node()
            return Setting(None, Span(self._source, 0, 0)) if node is None else self._setting(node)
        except MarkedYAMLError as error:
            raise ProblemsError(self._not_yaml(error)) from None
        except (YAMLError, RecursionError, ValueError) as error:
            problem = Problem(f"{self._source.path} is not valid YAML: {error}")
            raise ProblemsError(problem) from None

    def _setting(self, node: "Node") -> Setting:
        known = self._read.get(id(node))
        if known is not None:
            return known
        at = self._span(node)
        if id(node) in self._read:
            raise ProblemsError(Problem("this refers to itself", at))
        self._read[id(node)] = None
        found = Setting(self._plain(node), at)
        self._read[id(node)] = found
        return found

    def _plain(self, node: "Node") -> Any:
        from yaml import MappingNode, SequenceNode

        if isinstance(node, MappingNode):
            self._loader.flatten_mapping(node)
            return {str(key.value): self._setting(value) for key, value in node.value}
        if isinstance(node, SequenceNode):
            return [self._setting(item) for item in node.value]
        value: Any = self._loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType]
        # A date, say, is the text that it was to a person.
        return value if isinstance(value, str | int | float | None) else node.value

    def _span(self, node: "Node") -> Span:
        start, end = node.start_mark.index, node.end_mark.index
        line = self._text.find("\n", start)
        return Span(self._source, start, min(end, len(self._text) if line < 0 else line))

    def _not_yaml(self, error: "MarkedYAMLError") -> Problem:
        mark = error.problem_mark or error.context_mark
        at = None if mark is None else Span(self._source, mark.index, mark.index + 1)
        return Problem(f"this is not valid YAML: {error.problem or error.context}", at)
