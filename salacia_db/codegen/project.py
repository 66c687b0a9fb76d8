"""A project: where the schema, the queries and the generated package are, and how to read them."""

import keyword
import re
import sys
import tomllib
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from salacia_db.codegen.facts import Converter, Dialect, SourceFile, Span
from salacia_db.codegen.problems import Problem, ProblemsError

_PASSWORD = re.compile(r"""(?<=://)[^\s"'/]+(?=@)|(?<=password=)[^&\s"']+""")

# Modules that generated code needs, or that others need before it.
_TAKEN = sys.stdlib_module_names | {"asyncpg", "msgspec", "salacia_db"}

SQLC_FILES = ("sqlc.yaml", "sqlc.yml", "sqlc.json")


class Settings(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[tool.salacia]`, or the flags of a command: paths are relative to `Project.root`.

    The schema comes from `migrations`, else from `schema` (SQL files in this order), else from the
    database at `database_url` as it is. With one of the first two, `database_url` names the server
    on which a scratch database is made and dropped; without it the embedded server is used.
    """

    package: str | None = None
    out: str | None = None
    migrations: str | None = None
    schema: tuple[str, ...] = ()
    database_url: str | None = None
    queries: tuple[str, ...] = ("sql",)
    dialect: Dialect | None = None
    types: Mapping[str, str | Converter] = msgspec.field(default_factory=dict[str, str | Converter])
    names: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])


class Project(Struct, frozen=True):
    """A project as the generator works on it; `root` is the folder that paths are shown from."""

    root: Path
    package: str
    out: Path
    migrations: Path | None
    schema: tuple[Path, ...]
    database_url: str | None
    queries: tuple[Path, ...]
    dialect: Dialect
    types: Mapping[str, str | Converter]
    names: Mapping[str, str]
    renames: Mapping[str, str] = {}
    """Of sqlc: new names for columns, and for tables in the singular, wherever they are."""
    exact_table_names: bool = False
    """Of sqlc: the struct of `books` is called Books."""


def load_project(folder: Path, flags: Mapping[str, Any]) -> Project:
    """The project of `folder`: the nearest pyproject.toml with [tool.salacia], changed by `flags`.

    Paths in `flags` are relative to `folder`, those in the file to the file. A flag that is None
    was not given. Raises ProblemsError where the settings can't be understood.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    settings, base = find_settings(folder)
    # A schema named on the command line replaces the file's, whatever kind it is.
    if given.keys() & {"migrations", "schema", "database_url"}:
        settings = msgspec.structs.replace(settings, migrations=None, schema=(), database_url=None)
    return _resolve(settings, base, Settings(**given), folder, given)


def find_settings(folder: Path) -> tuple[Settings, Path]:
    """The settings that hold in `folder`, and the folder that their paths are relative to."""
    file = _find_pyproject(folder)
    return (Settings(), folder) if file is None else (_read(file), file.parent)


def _resolve(
    settings: Settings, base: Path, flags: Settings, folder: Path, given: Mapping[str, Any]
) -> Project:
    def path(name: str) -> Path | None:
        value = getattr(flags, name) if name in given else getattr(settings, name)
        return None if value is None else (folder if name in given else base) / _path(value)

    def paths(name: str) -> tuple[Path, ...]:
        values = getattr(flags, name) if name in given else getattr(settings, name)
        return tuple((folder if name in given else base) / _path(value) for value in values)

    migrations, schema = path("migrations"), paths("schema")
    database_url = flags.database_url if "database_url" in given else settings.database_url
    if migrations is None and not schema and database_url is None:
        raise ProblemsError(
            Problem(
                "nothing says where the schema is",
                hint="give --migrations DIR, --schema FILE… or --database-url URL, "
                "or set one of them under [tool.salacia] in pyproject.toml",
            )
        )
    if migrations is not None and schema:
        raise ProblemsError(
            Problem(
                "the schema is named twice, as migrations and as schema files",
                hint="keep one of them",
            )
        )
    # Another folder is another package, whatever the file's own is called.
    package = flags.package or (None if "out" in given else settings.package)
    package, out = _package_and_out(package, path("out"), base)
    dialect = flags.dialect or settings.dialect or _implied_dialect(base)
    return Project(
        root=base,
        package=package,
        out=out,
        migrations=migrations,
        schema=schema,
        database_url=database_url,
        queries=paths("queries"),
        dialect=dialect,
        types=settings.types,
        names=settings.names,
    )


def find_sqlc_file(folder: Path) -> Path | None:
    """sqlc's own settings in the folder, if there are any."""
    return next((folder / name for name in SQLC_FILES if (folder / name).is_file()), None)


def without_passwords(text: str) -> str:
    """The text with each character of a password in a URL as a star."""
    return _PASSWORD.sub(lambda found: "*" * len(found[0]), text)


def is_package_name(name: str) -> bool:
    """Whether a Python package can be called so."""
    # What Python takes for another spelling of a name, it would look for under that one.
    plain = unicodedata.normalize("NFKC", name) == name
    return name.isidentifier() and plain and not keyword.iskeyword(name)


def _path(text: str) -> str:
    if "\0" in text:
        raise ProblemsError(Problem(f"no file can be called {text!r}"))
    return text


def _package_and_out(package: str | None, out: Path | None, base: Path) -> tuple[str, Path]:
    if out is None:
        package = package or "database"
        out = base / "generated" / package
    name = out.resolve().name
    if package is not None and package != name:
        raise ProblemsError(
            Problem(
                f"the package is called {package!r} but its folder {name!r}",
                hint="the folder's name is the package's: change `out` or `package`",
            )
        )
    if not is_package_name(name):
        raise ProblemsError(
            Problem(
                f"{name!r} can't be the name of a Python package",
                hint="its folder needs a name of letters, digits and underscores, and no keyword",
            )
        )
    # Within a package of the application it has a longer name.
    if name in _TAKEN and not (out.parent / "__init__.py").exists():
        raise ProblemsError(
            Problem(
                f"a package called {name!r} would hide Python's or the generated code's own",
                hint="give its folder another name, or put it into a package (a folder with an "
                "__init__.py)",
            )
        )
    return name, out


def _implied_dialect(folder: Path) -> Dialect:
    return "salacia" if find_sqlc_file(folder) is None else "sqlc"


def _find_pyproject(folder: Path) -> Path | None:
    for parent in (folder.resolve(), *folder.resolve().parents):
        file = parent / "pyproject.toml"
        if file.is_file() and "tool.salacia" in file.read_text("utf-8", "replace"):
            return file
    return None


def _read(file: Path) -> Settings:
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise ProblemsError(Problem(f"{file.name} isn't UTF-8", hint="save it as UTF-8")) from None
    # What is shown of the file: as long as it is, without a password.
    source = SourceFile(file.name, without_passwords(text))
    try:
        everything = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProblemsError(_not_toml(source, str(error))) from None
    try:
        table = msgspec.convert(everything.get("tool", {}), dict[str, Any]).get("salacia", {})
        table = msgspec.convert(table, dict[str, Any])
    except msgspec.ValidationError:
        at = _setting_span(source, "tool.salacia")
        hint = "write `[tool.salacia]` on a line, and each setting on a line under it"
        problem = Problem("tool.salacia has to be a table", at=at, hint=hint)
        raise ProblemsError(problem) from None
    known = [field.encode_name for field in msgspec.structs.fields(Settings)]
    unknown = [name for name in table if name not in known]
    if unknown:
        raise ProblemsError(*(_unknown_setting(source, name, known) for name in unknown))
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise ProblemsError(_wrong_setting(source, str(error))) from None


def _not_toml(source: SourceFile, message: str) -> Problem:
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if found is None:
        return Problem(f"{source.path} is not valid TOML: {message}")
    start = sum(len(line) + 1 for line in source.text.split("\n")[: int(found[2]) - 1])
    start += int(found[3]) - 1
    return Problem(f"this is not valid TOML: {found[1]}", at=Span(source, start, start + 1))


def _unknown_setting(source: SourceFile, name: str, known: list[str]) -> Problem:
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else "known settings: " + ", ".join(known)
    at = _setting_span(source, name)
    return Problem(f"[tool.salacia] has no setting {name!r}", at=at, hint=hint)


def _wrong_setting(source: SourceFile, complaint: str) -> Problem:
    """What msgspec complains of, in the words of the file."""
    name = re.search(r"at `\$\.([\w-]+)", complaint)
    if name is None:
        return Problem(f"[tool.salacia]: {complaint}", at=_setting_span(source, "[tool.salacia"))
    message, hint = _WANTED.get(name[1], ("a text", f'write `{name[1]} = "…"`'))
    at = _setting_span(source, name[1])
    return Problem(f"the setting `{name[1]}` has to be {message}", at=at, hint=hint)


_WANTED = {
    "schema": ("a list of paths", 'write `schema = ["schema.sql"]`'),
    "queries": ("a list of paths", 'write `queries = ["sql"]`'),
    "dialect": ("salacia or sqlc", 'write `dialect = "salacia"` or `dialect = "sqlc"`'),
    "types": ("a table of texts", "write `[tool.salacia.types]` and each on a line under it"),
    "names": ("a table of texts", "write `[tool.salacia.names]` and each on a line under it"),
}


def _setting_span(source: SourceFile, text: str) -> Span | None:
    """Where a setting, or a table's head, begins its line."""
    head = max(source.text.find("[tool.salacia"), 0)
    found = re.compile(rf"^[ \t]*({re.escape(text)})", re.MULTILINE).search(source.text, head)
    if found is None:
        found = re.compile(rf"^[ \t]*\[+[\w.\"' -]*\b({re.escape(text)})\b", re.MULTILINE).search(
            source.text, head
        )
    return None if found is None else Span(source, found.start(1), found.end(1))
