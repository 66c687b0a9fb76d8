"""The packages that sqlc's configuration names, in its version 1 and 2."""

from collections.abc import Sequence

from msgspec import Struct

from salacia_db.codegen.facts import Span
from salacia_db.codegen.problems import Problem, Severity
from salacia_db.codegen.sqlc.document import Table
from salacia_db.codegen.sqlc.overrides import read_renames, read_types

_ENTRY = ("name", "engine", "schema", "queries", "codegen", "gen", "database", "rules", "analyzer")
_PACKAGE = ("name", "path", "engine", "schema", "queries", "overrides", "emit_exact_table_names")
# What sqlc's Python generator can be told, and this one does in its own way.
_PASSED_OVER = (
    *("emit_sync_querier", "emit_pydantic_models", "emit_generators", "emit_module"),
    *("emit_schema_name_prefix", "query_parameter_limit", "output_models_file_name"),
    *("output_querier_file", "strict_function_checks", "strict_order_by"),
)


class Entry(Struct, frozen=True):
    """One package: `out` is sqlc's own folder for it, `python` whether for Python code."""

    at: Span
    name: str | None
    package: str | None
    package_at: Span
    out: str | None
    out_at: Span
    python: bool
    schema: list[tuple[str, Span]]
    queries: list[tuple[str, Span]]
    types: dict[str, str]
    renames: dict[str, str]
    exact_table_names: bool


class _Target(Struct, frozen=True):
    """A generator of sqlc's with its options; `python` if these are a Python generator's."""

    options: Table
    out: Table
    python: bool


def read_entries(document: Table, problems: list[Problem]) -> list[Entry]:
    """The packages for PostgreSQL; what is wrong, or can't be followed, is added to `problems`."""
    version = document.text("version")
    if version == "1":
        return _version_1(document)
    if version == "2":
        return _version_2(document)
    if version is None:
        problems.append(Problem("no version is named", document.at, 'write `version: "2"`'))
    else:
        at = document.place("version")
        problems.append(Problem(f"there is no version {version!r}", at, "there are 1 and 2"))
    return []


def _version_1(document: Table) -> list[Entry]:
    document.check_names(("version", "packages", "overrides", "rename", "cloud", "rules"))
    packages = _postgresql(document, document.tables("packages"), "packages", "postgresql")
    general = document.tables("overrides")
    entries: list[Entry] = []
    for package in packages:
        package.check_names(_PACKAGE)
        target = _Target(package, package, python=False)
        types = read_types([*general, *package.tables("overrides")])
        renames = read_renames([document.table("rename"), package.table("rename")])
        entries.append(_entry(package, target, "path", "name", types, renames))
    return entries


def _version_2(document: Table) -> list[Entry]:
    known = ("version", "sql", "plugins", "overrides", "options", "cloud", "rules", "servers")
    document.check_names(known)
    general = document.table("overrides").table("go")
    entries: list[Entry] = []
    for entry in _postgresql(document, document.tables("sql"), "sql", None):
        entry.check_names(_ENTRY)
        target = _target(entry, document)
        shared = () if target.python else (general,)
        overrides = [o for table in (*shared, target.options) for o in table.tables("overrides")]
        renames = read_renames(
            [*(t.table("rename") for t in shared), target.options.table("rename")]
        )
        entries.append(_entry(entry, target, "out", "package", read_types(overrides), renames))
    return entries


def _postgresql(
    document: Table, found: Sequence[Table], name: str, default: str | None
) -> list[Table]:
    """Those of the entries that are for PostgreSQL."""
    problems = document.problems
    if not found and not problems:
        hint = "list schema, queries and engine of each package under it"
        problems.append(Problem(f"`{name}` names no package", document.place(name), hint))
    kept: list[Table] = []
    others: list[tuple[str, Span]] = []
    for entry in found:
        engine = entry.text("engine") or default
        if engine == "postgresql":
            kept.append(entry)
        elif engine is None:
            problems.append(Problem("no engine is named", entry.at, "write `engine: postgresql`"))
        else:
            others.append((engine, entry.place("engine")))
    for engine, at in others:
        hint = "only packages for PostgreSQL can be generated"
        severity: Severity = "warning" if kept else "error"
        message = f"the engine is {engine}" + (": the package is passed over" if kept else "")
        problems.append(Problem(message, at, hint, severity))
    return kept


def _target(entry: Table, document: Table) -> _Target:
    """The generator whose settings hold: one for Python before any other."""
    gen = entry.table("gen")
    generators = entry.tables("codegen")
    plugins = {p.text("name"): p for p in document.tables("plugins")}
    for generator in generators:
        if _is_python(generator, plugins):
            return _Target(generator.table("options"), generator, python=True)
    if "python" in gen:
        return _Target(gen.table("python"), gen.table("python"), python=True)
    if "go" in gen:
        return _Target(gen.table("go"), gen.table("go"), python=False)
    if generators:
        return _Target(generators[0].table("options"), generators[0], python=False)
    other = next(iter(gen.names()), "go")
    return _Target(gen.table(other), gen.table(other), python=False)


def _is_python(generator: Table, plugins: dict[str | None, Table]) -> bool:
    """Whether a plugin writes Python: by its name, or by where it comes from."""
    name = generator.text("plugin") or ""
    plugin = plugins.get(name)
    words = [name.lower()]
    if plugin is not None:
        words.append((plugin.table("wasm").text("url") or "").lower())
        words.append((plugin.table("process").text("cmd") or "").lower())
    return words[0] in ("py", "py3") or any("python" in word for word in words)


def _entry(
    entry: Table,
    target: _Target,
    out: str,
    package: str,
    types: dict[str, str],
    renames: dict[str, str],
) -> Entry:
    options = target.options
    passed_over = [name for name in _PASSED_OVER if name in options or name in entry]
    if target.python and passed_over:
        listed = ", ".join(f"`{name}`" for name in passed_over)
        verb = "are" if len(passed_over) > 1 else "is"
        place = options.place(passed_over[0]) if passed_over[0] in options else entry.at
        hint = "functions are async, rows are msgspec structs, arguments are named"
        problem = Problem(f"{listed} {verb} passed over", place, hint, "warning")
        entry.problems.append(problem)
    exact = {name: name for name, _ in options.texts("inflection_exclude_table_names")}
    name = options.text(package)
    return Entry(
        at=entry.at,
        name=entry.text("name"),
        package=name,
        package_at=options.place(package) if package in options else target.out.at,
        out=target.out.text(out),
        out_at=target.out.place(out),
        python=target.python,
        schema=entry.texts("schema"),
        queries=entry.texts("queries"),
        types=types,
        renames={**exact, **renames},
        exact_table_names=options.flag("emit_exact_table_names"),
    )
