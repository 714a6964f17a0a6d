"""Writes the reference pages that follow from the code: `docs/manifest.md` and `docs/recipes.md`.

`make docs` runs it; a test holds that the pages in the tree are what it writes.
"""

from __future__ import annotations

import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from winnow.filters.kernels.block import Splitter
from winnow.filters.recipes import recipes
from winnow.filters.statistics import columns_by_name
from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.profile import Profile
from winnow.stages.ingest.source import kind_module, kinds

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTE = "*Written by `make docs` from the code; don't edit it here.*\n"


def manifest_page() -> str:
    """Every key of manifests and profiles, with type, default and meaning, and the options of each kind of source."""
    page = ["# Manifest reference\n", NOTE, MANIFEST_INTRODUCTION]
    page.extend(_sections(Manifest, "Manifest", "`manifests/<stage>.yaml` says what a training stage is made of."))
    page.extend(
        _sections(
            Profile,
            "Profile",
            "`manifests/profiles/<name>.yaml` says where the inputs lie, and how much of them to use.",
        )
    )
    page.append("\n# Kinds of source\n\nThe options of an input besides `kind` and `paths`.\n")
    for kind in kinds():
        module = kind_module(kind)
        about = (module.__doc__ or "").strip().partition("\n")[0]
        page.append(f"\n## `{kind}`\n\n{about}\n")
        page.append(_table(module.Settings))
    return "\n".join(page).rstrip() + "\n"


def recipes_page() -> str:
    """Every recipe with its rules, thresholds and sources."""
    page = ["# Recipes\n", NOTE, RECIPES_INTRODUCTION]
    for recipe in recipes().values():
        page.append(f"\n## `{recipe.name}`\n\n{recipe.summary}\n\nSource: {recipe.source}\n")
        if recipe.edit is not None:
            page.append("Edits the text before anything is measured.\n")
        if recipe.rules:
            page.append("| rule | measure | kept when | source |\n|---|---|---|---|")
            page.extend(
                f"| `{rule.name}` | `{rule.measure}` | {rule.threshold()} | {rule.source} |" for rule in recipe.rules
            )
        elif recipe.edit is None:
            page.append("Measures alone; it has no rules of its own.")
    page += _measures()
    return "\n".join(page).rstrip() + "\n"


MANIFEST_INTRODUCTION = """
Unknown keys, mistyped values and impossible combinations are refused with file, line and key before any work starts;
`winnow plan --offline` checks a manifest and a profile without looking at the inputs. With `extends: NAME`, every
top-level key that a manifest doesn't set is that of `NAME.yaml` beside it.
"""


def _measures() -> list[str]:
    """The columns that `statistical_recipe` takes, by family; word splitters have the same families."""
    splitters = [f"{splitter}_" for splitter in Splitter if splitter is not Splitter.WHITESPACE]
    families: dict[str, list[str]] = {}
    for name in columns_by_name():
        family, _, column = name.partition(".")
        if not name.startswith(tuple(splitters)):
            families.setdefault(family, []).append(f"`{column}`")
    rows = [f"| `{family}.` | {', '.join(columns)} |" for family, columns in sorted(families.items())]
    others = ", ".join(f"`{splitter}`" for splitter in splitters)
    return [MEASURES.format(others=others), "| | |\n|---|---|", *rows, ""]


MEASURES = """
## Measures

What `statistical_recipe` of `filters/statistics.py` takes as the measure of a rule. `words` and `ngrams` are of words between
white space; with {others} before the family's name, of words as that splitter finds them.
"""

RECIPES_INTRODUCTION = """
A document is kept when every rule's measure lies within its bounds. A manifest may change any bound
or leave a rule out:

```yaml
filters:
  - recipe: gopher_quality
    languages: [en]
    thresholds:
      words: {minimum: 20}
      stop_words: null
```

`winnow recipes NAME` prints the same on a terminal; `winnow filter --recipe NAME` runs one recipe alone.
"""


def _sections(model: type[BaseModel], title: str, about: str) -> list[str]:
    """The model's table and, below it, those of the models that its fields hold, each once."""
    page = [f"\n# {title}\n\n{about}\n", _table(model)]
    seen = {model}
    pending = _inner_models(model)
    while pending:
        inner = pending.pop(0)
        if inner in seen or inner in (Manifest, Profile):
            continue
        seen.add(inner)
        page.append(f"\n## {inner.__name__}\n\n{(inner.__doc__ or '').strip()}\n")
        page.append(_table(inner))
        pending.extend(_inner_models(inner))
    return page


def _table(model: type[BaseModel]) -> str:
    if not model.model_fields:
        return "No options."
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        bounds = ", ".join(str(bound) for bound in field.metadata if type(bound).__name__ in ("Ge", "Gt", "Le", "Lt"))
        described = " ".join((field.description or "").split())
        meaning = "; ".join(part for part in (described, _bounds(bounds)) if part)
        rows.append(f"| `{name}` | {_type(field.annotation)} | {default} | {meaning} |")
    return "\n".join(rows)


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ((), {}, ""):
        return "–"
    if isinstance(value, BaseModel):
        return "its defaults"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _bounds(text: str) -> str:
    for name, sign in (("Ge(ge=", "≥ "), ("Gt(gt=", "> "), ("Le(le=", "≤ "), ("Lt(lt=", "< ")):
        text = text.replace(name, sign)
    return text.replace(")", "")


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one) for one in inner if one is not type(None))
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if origin in (tuple, list, frozenset):
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"{_type(inner[0])} → {_type(inner[1])}"
    return {"str": "text", "int": "integer", "float": "number", "bool": "yes or no"}.get(
        getattr(annotation, "__name__", ""), "any"
    )


def _inner_models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    pending: list[Any] = [field.annotation for field in model.model_fields.values()]
    while pending:
        annotation = pending.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        else:
            pending.extend(typing.get_args(annotation))
    return found


def main() -> None:
    """Writes both pages into docs/."""
    (DOCS / "manifest.md").write_text(manifest_page(), "utf-8")
    (DOCS / "recipes.md").write_text(recipes_page(), "utf-8")


if __name__ == "__main__":
    main()
