"""The arguments of a function: what a caller gives, and what of it the statement is given."""

import ast
from collections.abc import Callable

from msgspec import Struct

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import RUNTIME, reference
from salacia_db.codegen.emit.mapping import TypeMap
from salacia_db.codegen.emit.places import parameter_span
from salacia_db.codegen.emit.registry import Class, Registry
from salacia_db.codegen.emit.types import ANY, PyType, optional, same
from salacia_db.codegen.emit.untyped import no_type
from salacia_db.codegen.emit.writer import literal
from salacia_db.codegen.facts import Choice, Parameter, Query, Span
from salacia_db.codegen.problems import Problem

UUID7 = reference(RUNTIME, "uuid7")
UNSET = reference(RUNTIME, "UNSET")
UNSET_TYPE = reference(RUNTIME, "UnsetType")
BOOL = reference("builtins", "bool")

# Kinds that take a list of rows.
OF_ROWS = ("bulk", "copy", "batchone", "batchmany")
# What a default of the type that a PEP 484 checker lets pass for another.
_WIDENED = {"float": ("float", "int")}


class Argument(Struct, frozen=True):
    """An argument of a function. `value` is what the statement is given, `default` if left out.

    An `optional` one may be left out together with the lines that need it. One that chooses among
    words has an `alias` for its type, beside the query: one `of` them.
    """

    name: str
    type: PyType
    nullable: bool
    default: str | None
    optional: bool = False
    alias: Class | None = None
    of: tuple[str, ...] = ()

    @property
    def annotation(self) -> str:
        """Its type in the function's signature, and its default."""
        text = optional(self.type.given, self.nullable or self.computed)
        if self.optional:
            default = UNSET if self.nullable else "None"
            return f"{optional(f'{self.type.given} | {UNSET_TYPE}', True)} = {default}"
        if self.computed:
            return f"{text} = None"
        return text if self.default is None else f"{text} = {self.default}"

    @property
    def computed(self) -> bool:
        """Whether the default is made anew for each call."""
        return self.default == f"{UUID7}()"

    def value(self, name: str) -> str:
        """The expression that the driver is given; `name` is where the argument is."""
        if self.optional:
            value = self.type.dumped(name, nullable=False)
            absent = f"{name} is None or {name} is {UNSET}"
            return name if value == name else f"{name} if {absent} else {value}"
        value = self.type.dumped(name, nullable=self.nullable)
        return f"{self.default} if {name} is None else {value}" if self.computed else value


class Arguments:
    """Plans the arguments of queries; `take` is told of each class that stands beside one."""

    def __init__(
        self,
        registry: Registry,
        types: TypeMap,
        report: Callable[[Problem], None],
        take: Callable[[Class, str, Span], None],
    ) -> None:
        self._registry = registry
        self._types = types
        self._problem = report
        self._take = take

    def parameter(
        self, query: Query, parameter: Parameter, taken: names.Clashes
    ) -> Argument | None:
        """The argument for a parameter; None where there is none, which is reported."""
        at = parameter_span(query, parameter)
        name = names.parameter_name(parameter.name)
        taken.take(name, f"parameter {parameter.name!r}", at)
        found = self._types.find(parameter.type, parameter.origin)
        if found is None:
            self._problem(no_type(parameter.type, f"parameter `{parameter.name}`", at))
            return None
        if found.untold:
            what = parameter.type.display
            self._report(
                f"the driver can't be given `{parameter.name}`, a {what}: within an array it takes "
                "a value that is a sequence for a further dimension",
                at,
                f"give texts and cast them: `(:{parameter.name})::text[]::{what}`",
            )
            return None
        if query.copy_target is not None and found.text:
            self._report(
                f"COPY can't be given `{parameter.name}`, a {parameter.type.display}: the driver "
                "has no binary form of it",
                at,
                "use :bulk",
            )
            return None
        if query.statement.kind in OF_ROWS:
            found = found.kept
        default, fits = self._default(parameter, found)
        if not fits:
            use = next(u for u in query.statement.parameters if u.number == parameter.number)
            known = found.labels if found.enum is None else found.enum.labels
            labels = list(map(repr, known))
            self._report(
                f"{parameter.default} is no default for `{parameter.name}`, "
                f"which is {parameter.type.display}",
                use.default_at or at,
                f"it is one of {', '.join(labels)}" if labels else "give a literal of that type",
            )
        nullable = parameter.nullable or default == "None"
        return Argument(name, found, nullable, default, parameter.optional)

    def choice(self, choice: Choice, taken: names.Clashes, alias: Class) -> Argument:
        """The argument that chooses lines; `alias` may be the name of its type."""
        name = names.parameter_name(choice.name)
        taken.take(name, f"the choice {choice.name!r}", choice.source)
        if choice.flag:
            default = None if choice.default is None else choice.default.capitalize()
            return Argument(name, same(BOOL), False, default, default is None)
        # Not like a row or an input, whichever query those belong to.
        if alias.name.endswith(("Row", "Input")):
            alias = Class(alias.module, f"{alias.name}Choice")
        self._take(alias, f"the choice {choice.name!r}", choice.source)
        default = None if choice.default is None else literal(choice.default)
        return Argument(
            name, same(alias.text), False, default, default is None, alias=alias, of=choice.labels
        )

    def _default(self, parameter: Parameter, type_: PyType) -> tuple[str | None, bool]:
        """The default as an expression, and whether it fits the type."""
        if parameter.default is None:
            return None, True
        if parameter.default == "uuid7()":
            return f"{UUID7}()", parameter.type.name == "uuid"
        value: object = ast.literal_eval(parameter.default)
        if value is None:
            return "None", True
        if type_.secret:
            return None, False
        if type_.labels:
            own = f"{type_.read}({literal(value)})" if isinstance(value, str) else None
            return own, value in type_.labels
        if type_.enum is not None and type_.load is not None:
            if value not in type_.enum.labels:
                return None, False
            members = self._registry.members(type_.enum)
            return f"{type_.read}.{members[type_.enum.labels.index(str(value))]}", True
        if isinstance(value, str):
            return literal(value), "builtins:str»" in type_.given or type_.given == ANY
        wanted = type_.given.partition(":")[2].rstrip("»")
        if wanted == "Decimal" and isinstance(value, int | float) and not isinstance(value, bool):
            return f"{type_.read}({literal(parameter.default)})", True
        return repr(value), wanted == "Any" or type(value).__name__ in _WIDENED.get(
            wanted, (wanted,)
        )

    def _report(self, message: str, at: Span | None, hint: str) -> None:
        self._problem(Problem(message, at=at, hint=hint))
