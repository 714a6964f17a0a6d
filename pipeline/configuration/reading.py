"""Reads a YAML file into a pydantic model, and says of a mistake file, line, key and the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from winnow.bounded_yaml import BoundedLoader
from winnow.pipeline.configuration.packaged import MANIFESTS

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]
EXTENDS = "extends"
WRITTEN = "written"
"""The context of what is validated as somebody wrote it, not as a lock holds it."""
EXPECTED = {
    "tuple_type": "a list: [one, other]",
    "list_type": "a list: [one, other]",
    "dict_type": "names with values: {name: value}",
    "mapping_type": "names with values: {name: value}",
}


class ConfigurationError(Exception):
    """A user's mistake in a manifest or profile. The message is complete; no traceback is needed to understand it."""


class NothingNew(ConfigurationError):
    """A run of a series for which there is nothing to read: no mistake, and nothing to do."""


class OptionError(ValueError):
    """Raised by a validator for a mistake that lies deeper than what it validates: at `location` below it."""

    def __init__(self, location: Location, message: str) -> None:
        super().__init__(message)
        self.location = location


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'text'?`, or, where nothing is near, what there is."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}" if known else ""


def read_model(path: Path, model: type[Model]) -> Model:
    """The file as `model`. With `extends: NAME`, top-level keys that it doesn't set are those of NAME.yaml: beside it, or
    else of Winnow's own manifests and profiles. `NAME` may be a path, too, ending in `.yaml`.

    Raises `ConfigurationError` for a file that is missing, isn't YAML, repeats a key, or doesn't fit the model; the
    message names every mistake with its file and line.
    """
    root = _compose(path)
    try:
        content = yaml.SafeLoader("").construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or root.start_mark
        raise ConfigurationError(f"{mark.name}:{mark.line + 1}: {error.problem}") from None
    except (ValueError, TypeError, RecursionError) as error:  # a date that isn't one, a list as a key
        raise ConfigurationError(f"{path}: is not valid YAML: {error}") from None
    try:
        return model.model_validate(content, context=WRITTEN)
    except ValidationError as error:
        lines = [_explain(root, model, item["loc"], item) for item in _told(error.errors())]
        raise ConfigurationError("\n".join(dict.fromkeys(lines))) from None


def written_at(path: Path | None, keys: Sequence[int | str]) -> str:
    """`file:line: key` of a key, or of the innermost one around it that is written; the key alone without a file."""
    key = ".".join(map(str, keys))
    return key if path is None else f"{_place_of(_compose(path), keys)}: {key}"


def folder_of(path: Path, key: str) -> Path:
    """The folder of the file in which a top-level key is written: of `path`, or of one that it extends."""
    root = _compose(path)
    mark = next((name.start_mark for name, _ in root.value if name.value == key), root.start_mark)
    return Path(mark.name).parent


def _compose(path: Path, above: tuple[Path, ...] = ()) -> yaml.MappingNode:
    """The file's tree of YAML nodes, each with the file and line it stands in, on top of what it extends."""
    if path.resolve() in above:
        raise ConfigurationError(f"{above[-1]}: extends itself by way of {path}")
    try:
        with path.open(encoding="utf-8") as stream:
            root = yaml.compose(stream, Loader=BoundedLoader)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file{_instead(path)}") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: is a folder, not a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(f"{path}{line}: is not valid YAML: {error.problem}{_begun(error)}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{path}:1: expected a mapping of keys to values")
    for key, _ in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigurationError(f"{path}:{key.start_mark.line + 1}: a key is a name, not a list or mapping")
    repeated = list(_repeated_keys(root))
    if repeated:
        raise ConfigurationError(
            "\n".join(f"{path}:{line}: {key}: stands here a second time" for key, line in repeated)
        )
    own = {key.value: (key, value) for key, value in root.value}
    if EXTENDS in own:
        key, named = own.pop(EXTENDS)
        place = f"{path}:{key.start_mark.line + 1}: {EXTENDS}"
        if not isinstance(named, yaml.ScalarNode):
            raise ConfigurationError(f"{place}: expected the name or the path of one file")
        found = _base(path, named.value)
        if not found.exists():
            known = {other.stem for folder in _homes(path) for other in folder.glob("*.yaml")} - {path.stem}
            raise ConfigurationError(f"{place}: there is no {found}{nearest(named.value, known)}")
        base = _compose(found, (*above, path.resolve()))
        own = {key.value: (key, value) for key, value in base.value} | own
        root = yaml.MappingNode(root.tag, list(own.values()), root.start_mark, root.end_mark)
    return root


def _begun(error: yaml.MarkedYAMLError) -> str:
    """Where that begins in which YAML found a mistake, if in another line; and of a pattern without quotes, what to do."""
    if error.context == "while scanning an alias":
        return '; a value that begins with * or & stands in quotes: "*.jsonl"'
    if error.context_mark is None or error.problem_mark is None or error.context_mark.line == error.problem_mark.line:
        return ""
    return f", {error.context} that begins in line {error.context_mark.line + 1}"


def _told(errors: Sequence[Any]) -> list[Any]:
    """The mistakes without those that follow from others: a list is empty for what is wrong in it, and of the members of a
    union that which could be meant tells."""
    places = [error["loc"] for error in errors]

    def follows(error: Any) -> bool:
        loc = error["loc"]
        below = any(len(place) > len(loc) and place[: len(loc)] == loc for place in places)
        beside = any(
            place[:-1] == loc[:-1] and other["type"] not in EXPECTED
            for place, other in zip(places, errors, strict=True)
        )
        scalar = not isinstance(error.get("input"), dict | list)
        return (error["type"] == "too_short" and below) or (error["type"] in EXPECTED and scalar and beside)

    return [error for error in errors if not follows(error)]


def _base(path: Path, name: str) -> Path:
    """The file that `extends: NAME` means: a path from this file on, NAME.yaml beside it, else the one Winnow brings."""
    if name.endswith((".yaml", ".yml")):
        return path.parent / name
    places = [folder / f"{name}.yaml" for folder in _homes(path)]
    return next((place for place in places if place.exists() and place.resolve() != path.resolve()), places[0])


def _instead(path: Path) -> str:
    """What was meant by a file that isn't there, as it is written: Winnow's own by their names, others by their paths."""
    ours = path.parent in (MANIFESTS, MANIFESTS / "profiles")
    if ours and Path(path.name).exists():
        return f"; did you mean {path.name!r}, the file in this folder?"
    there = {other.stem: other for ending in ("*.yaml", "*.yml") for other in path.parent.glob(ending)}
    near = get_close_matches(path.stem, there, n=1)
    return f"; did you mean {near[0] if ours else str(there[near[0]])!r}?" if near else ""


def _homes(path: Path) -> tuple[Path, ...]:
    return path.parent, MANIFESTS, MANIFESTS / "profiles"


def _explain(root: yaml.Node, model: type[BaseModel], location: Location, error: Any) -> str:
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, OptionError):
        location = (*location, *raised.location)
    keys = _written_keys(root, location)
    key = ".".join(str(part) for part in keys) or "(whole file)"
    place = _place_of(root, keys)
    if error["type"] == "extra_forbidden":
        return f"{place}: {key}: there is no such key{nearest(str(location[-1]), _fields_at(model, location[:-1]))}"
    if error["type"] == "missing":
        return f"{place}: {key}: is missing"
    if error["type"] in ("enum", "literal_error") and error["input"] is not None:
        known = re.findall(r"'([^']+)'", error["ctx"]["expected"])
        return f"{place}: {key}: there is no {error['input']!r}{nearest(str(error['input']), known)}"
    if error["type"] in ("model_type", "model_attributes_type"):
        return f"{place}: {key}: expected keys, {', '.join(_fields_at(model, location))}, not {error['input']!r}"
    if error["type"] in EXPECTED:
        return f"{place}: {key}: expected {EXPECTED[error['type']]}, not {error['input']!r}"
    if error.get("input", error) is None or error["type"] == "too_short":
        return f"{place}: {key}: is empty; leave the key out, or give it a value"
    message = error["msg"].removeprefix("Value error, ")
    found = error.get("input")
    shown = (
        f" (found {found!r})"
        if isinstance(found, str | int | float | bool) and not isinstance(raised, OptionError)
        else ""
    )
    return f"{place}: {key}: {message[0].lower() + message[1:]}{shown}"


def _written_keys(root: yaml.Node, location: Location) -> list[int | str]:
    """The location as it stands in the file: without the names that pydantic adds for the members of a union."""
    keys: list[int | str] = []
    node: yaml.Node | None = root
    for position, part in enumerate(location):
        child = _child(node, part)
        last = position == len(location) - 1
        if child is not None or (last and isinstance(part, str) and isinstance(node, yaml.MappingNode)):
            keys.append(part)
            node = child
    return keys


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        found: yaml.Node | None = next((value for key, value in node.value if key.value == str(part)), None)
        return found
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child
    return None


def _place_of(root: yaml.Node, keys: Sequence[int | str]) -> str:
    """`file:line` of the innermost of these keys that is written."""
    node, mark = root, root.start_mark
    for part in keys:
        if isinstance(node, yaml.MappingNode):
            mark = next((key.start_mark for key, _ in node.value if key.value == str(part)), mark)
        child = _child(node, part)
        if child is None:
            break
        if isinstance(node, yaml.SequenceNode):
            mark = child.start_mark
        node = child
    return f"{mark.name}:{mark.line + 1}"


def _repeated_keys(node: yaml.Node, prefix: str = "") -> Iterable[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = f"{prefix}{key.value}"
            if name in seen:
                yield name, key.start_mark.line + 1
            seen.add(name)
            yield from _repeated_keys(value, f"{name}.")
    if isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield from _repeated_keys(value, f"{prefix}{position}.")


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """The field names of the model that lies at `location`; of all models, where a union leaves it open."""
    models = [model]
    for part in location:
        if isinstance(part, str):
            inner = [found for one in models if part in one.model_fields for found in _models_in(one, part)]
            models = inner or models
    return sorted({name for one in models for name in one.model_fields})


def _models_in(model: type[BaseModel], name: str) -> list[type[BaseModel]]:
    pending: list[Any] = [model.model_fields[name].annotation]
    found = []
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        pending.extend(get_args(annotation))
    return found
