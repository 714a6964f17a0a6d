"""Which inputs the manifest's filters reach: what passes unfiltered, and what has no measured language, is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from winnow.filters.recipes import find_recipe
from winnow.formats.translations.file_names import ALIASES
from winnow.pipeline.configuration.ancestry import notes
from winnow.pipeline.configuration.manifest import Filter
from winnow.pipeline.configuration.profile import Input
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings
from winnow.stages.document import Content
from winnow.stages.measuring import LANGUAGE

CODE = 2  # letters of ISO 639-1


def check_contents(settings: Settings) -> None:
    """Raises `ConfigurationError` for an input that doesn't say what it holds although filters go by that."""
    manifest = settings.manifest
    bound = [entry for entry in (*manifest.edits, *manifest.filters) if entry.content]
    if not bound:
        return
    missing = [
        f"{settings.in_profile('sources', source, number, 'content')}: is missing: kind {given.kind} doesn't know what "
        f"its texts are, and filters of the manifest go by that; add `content:` with one of {', '.join(Content)}"
        for source, number, given in _inputs(settings)
        if given.holds() is None
    ]
    if missing:
        raise ConfigurationError("\n".join(missing))


def check_languages(settings: Settings) -> None:
    """Raises `ConfigurationError` for a language by another name than its code, and for a filter bound to languages on an
    input whose language nothing measures."""
    for keys, names in _named_languages(settings):
        for name in names:
            code = next((code for code, others in ALIASES.items() if name.lower() in others), name.lower())
            if name != code and (code in ALIASES or len(name) == CODE):
                place = settings.in_manifest(*keys)
                raise ConfigurationError(
                    f"{place}: languages have their ISO 639 code for a name; did you mean {code!r}?"
                )
    for position, entry in enumerate(settings.manifest.filters):
        if not entry.languages:
            continue
        for source, _, given in _inputs(settings):
            reached = _reached(settings.manifest.filters, source, given)
            if entry in reached and not any(map(_measures_language, reached)):
                raise ConfigurationError(
                    f"{settings.in_manifest('filters', position, 'languages')}: {entry.recipe} decides by language, and "
                    f"nothing measures that of source {source} ({given.kind}): add `- {{recipe: language, "
                    'options: {model: "resource:lid.176"}}` to the filters'
                )


def _named_languages(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], Iterable[str]]]:
    """Where the manifest names languages, and which."""
    manifest = settings.manifest
    for position, entry in enumerate(manifest.filters):
        yield ("filters", position, "languages"), entry.languages
    yield ("mixture", "languages"), manifest.mixture.languages or ()
    for position, phase in enumerate(manifest.curriculum):
        yield ("curriculum", position, "languages"), phase.languages or ()


def gaps(settings: Settings) -> list[str]:
    """A sentence for each kind of input that no filter decides on, or whose language stays unmeasured while the mixture
    asks for shares of languages; and what the runs before leave open."""
    manifest = settings.manifest
    by_language = bool(manifest.mixture.languages or any(phase.languages for phase in manifest.curriculum))
    found = []
    for source, _, given in _inputs(settings):
        reached = _reached(manifest.filters, source, given)
        name = f"source {source}, kind {given.kind}" + (f" ({given.holds()})" if given.holds() else "")
        if not any(_decides(entry) for entry in reached):
            found.append(f"{name}: no filter decides on its texts")
        if by_language and given.holds() != Content.CODE and not any(map(_measures_language, reached)):
            declared = "language" in (given.model_extra or {}).get("columns", {})
            known = "counts as it is declared" if declared else "is unknown unless its records declare it"
            found.append(f"{name}: nothing measures its language, which {known}; the mixture asks for languages")
    levels = ["minhash", "scripts"] if manifest.deduplicate.scripts is not None else ["minhash"]
    found += notes(settings.line, [benchmark.name for benchmark in settings.profile.benchmarks], levels)
    return list(dict.fromkeys(found))


def _inputs(settings: Settings) -> Iterator[tuple[str, int, Input]]:
    """Every input of the mixture's sources: source, number in the source, input."""
    for source in sorted(settings.manifest.weights()):
        for number, given in enumerate(settings.profile.sources[source]):
            yield source, number, given


def _reached(filters: tuple[Filter, ...], source: str, given: Input) -> list[Filter]:
    return [entry for entry in filters if entry.concerns(source, given.kind, given.holds())]


def _decides(entry: Filter) -> bool:
    return bool(entry.application().recipe.rules)


def _measures_language(entry: Filter) -> bool:
    return LANGUAGE in find_recipe(entry.recipe).families
