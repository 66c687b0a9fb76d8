"""What the settings name in Python, and Python couldn't import."""

import difflib

from salacia_db.codegen.classes import Classes
from salacia_db.codegen.problems import Problem


def unfound(classes: Classes, module: str, name: str) -> Problem | None:
    """What keeps Python from importing the name, as far as that can be told."""
    names = classes.names(module)
    if names is not None:
        if name in names or "*" in names or classes.names(f"{module}.{name}") is not None:
            return None
        near = difflib.get_close_matches(name, sorted(names), n=1)
        hint = f"did you mean `{module}.{near[0]}`?" if near else "name the module that has it"
        return Problem(f"the module {module} has no {name}", hint=hint)
    outer = module.rpartition(".")[0]
    if classes.names(outer) is not None and not classes.is_package(outer):
        return Problem(
            f"{outer} is no package: there is no module {module}",
            hint="name what stands at the top of a module",
        )
    if classes.exists(module):
        return None
    return Problem(
        f"there is no module {module} in the project's folder, its src, and where Python finds"
        " modules",
        hint="install it, or mend its name; the generated code imports it",
        severity="warning",
    )
