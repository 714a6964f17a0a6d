"""Which exporters there are: the modules of this folder with an `export`, and the user's own by their dotted paths."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from difflib import get_close_matches
from types import ModuleType

from winnow.stages.run.code import brought

PACKAGE = "winnow.stages.shards.exporters"


def exporters() -> dict[str, ModuleType]:
    """Every exporter of this folder by its name, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__))
    modules = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "export")}


def exporter(name: str) -> ModuleType:
    """An exporter by its name, or the user's own by its dotted path. Raises `LookupError` where there is none."""
    if "." not in name:
        known = exporters()
        if name in known:
            return known[name]
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise LookupError(f"no format is called {name!r}; {hint}")
    module = brought(name, f"format {name!r}")
    if not hasattr(module, "export"):
        raise LookupError(f"{name} is no exporter: it has no function `export`")
    try:
        inspect.signature(module.export).bind("index_path", ("phase",), "target")
    except TypeError as error:
        raise LookupError(
            f"{name} is no exporter: `export` is called with (index_path, phases, target) and options: {error}"
        ) from None
    return module


def options_of(module: ModuleType) -> tuple[str, ...]:
    """The options of an exporter: what its `export` takes by keyword alone."""
    parameters = inspect.signature(module.export).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY)
