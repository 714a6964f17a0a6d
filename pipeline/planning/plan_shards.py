"""The plan from documents to shards: tokenizer, encoding, mixture, packing and index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from winnow.pipeline.configuration.ancestry import tokenizer_of
from winnow.pipeline.configuration.manifest import Loss, Manifest, Packing
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.configuration.settings import Settings
from winnow.pipeline.planning.parts import Part, inventory_name
from winnow.stages.consumed import Consumed
from winnow.stages.deduplicate.contender import CLUSTER_SIZE, CLUSTERING
from winnow.stages.mixing import mix
from winnow.stages.mixing.mixture import Mixture, Phase
from winnow.stages.passes import RESOURCE
from winnow.stages.repositories import repository
from winnow.stages.run.exchange import joined
from winnow.stages.run.inventory import inventory_path
from winnow.stages.run.unit import Place, Planned, Unit
from winnow.stages.shards import emit
from winnow.stages.shards.index import INDEX_STEP, index_units
from winnow.stages.shards.shard import Phase as ShardPhase
from winnow.stages.tokens import sample
from winnow.stages.tokens.encode import ENCODE, EncodePart, Encoding, encode_units
from winnow.stages.tokens.settings import Thinking
from winnow.tokenizer.chat import is_ours, keeps_thinking
from winnow.tokenizer.conventions import with_tokens
from winnow.tokenizer.encoder import digest_of
from winnow.tokenizer.files import read
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.load import encoder_of, load
from winnow.tokenizer.special import CONVERSATION, END_OF_TEXT, INFILL, REPOSITORY, SpecialTokenError

TALKING = ("conversations", "documentation", "mathematics")  # kinds of ingest that make conversations


def shard_steps(
    parts: Sequence[Part], settings: Settings, sizes: Mapping[str, int], dropping: Sequence[str]
) -> Iterator[Planned]:
    """Tokenizer, encoding, mixture, packing and index. `sizes`: of the inputs; `dropping`: the stages that dropped
    documents before.

    Raises `ConfigurationError` for a given tokenizer that can't serve the run.
    """
    manifest, profile = settings.manifest, settings.profile
    if manifest.loss == Loss.ASSISTANT and manifest.packing == Packing.CONCATENATE:
        raise ConfigurationError(
            "packing: concatenate cuts conversations anywhere, answers from their questions: use best_fit with loss: assistant"
        )
    yield from _tokenizer(parts, settings, dropping)
    encoding = _encoding(manifest)
    plain = [part for part in parts if part.input.kind != repository.KIND]
    files = [part for part in parts if part.input.kind == repository.KIND]
    tokens = [part.name for part in plain]
    encoded = _encode(plain, manifest, encoding, dropping)
    if files:
        asked = manifest.repositories
        given = repository.Settings(
            policy=asked.order,
            length=asked.length,
            seed=manifest.seed,
            buckets=profile.buckets,
            file_buckets=repository.file_buckets(
                sum(sizes[path] for path in {piece.path for part in files for piece in part.pieces})
            ),
            licenses=asked.licenses,
            unknown=asked.unknown_license,
            infill=encoding.infill,
        )
        names = [part.name for part in files]
        yield repository.SCATTER, repository.scatter_units(names, given, dropping)
        if asked.whole:
            sent = tuple(repository.scattered_path(name) for name in names)
            joining, sent = joined(repository.SCATTER.name, sent)
            yield from joining
            reading = repository.read_units(sent, given)
            yield repository.READ_FILES, reading
            read = tuple(repository.read_path(unit.name) for unit in reading)
            joining, read = joined(repository.READ_FILES.name, read)
            yield from joining
            ordered = repository.order_units(read, given)
            yield repository.ORDER, ordered
            tokens.extend(unit.name for unit in ordered)
        else:
            licensed = [*dropping, repository.LICENSE_STAGE]
            encoded = [*encoded, *_encode(files, manifest, encoding, licensed)]
            tokens.extend(names)
    yield ENCODE, encoded
    phases = phases_of(manifest)
    mixture = mixture_of(manifest)
    expected = mixture.tokens or sum(sizes.values())
    buckets = emit.bucket_counts(phases, expected)
    layout = Layout(
        method=emit.Method(manifest.packing.value),
        seed=manifest.seed,
        buckets=buckets,
        loss_mask=encoding.loss_mask,
        consumed=consumed_of(settings),
    )
    yield from mixing_steps(tokens, mixture, phases, layout)
    shard_phases = [
        ShardPhase(name=phase.folder(), length=phase.length, rotary_base=phase.rotary_base)
        for phase in manifest.curriculum
    ]
    yield INDEX_STEP, index_units(manifest.stage, shard_phases, buckets)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the chosen documents become shards: by what method, in how many buckets of each phase; `consumed`: not of which."""

    method: emit.Method
    seed: int
    buckets: Sequence[int]
    loss_mask: bool
    consumed: Consumed | None = None


def mixing_steps(tokens: Sequence[str], mixture: Mixture, phases: Sequence[Phase], layout: Layout) -> Iterator[Planned]:
    """From the parts of `tokens/` to the files of `shards/`, without their index."""
    yield mix.HISTOGRAM_STEP, mix.histogram_units(tokens, mixture, phases, seed=layout.seed, consumed=layout.consumed)
    summing, histograms = mix.sum_units(tokens)
    if summing:
        yield mix.SUM_STEP, summing
    yield mix.SOLVE_STEP, mix.solve_units(histograms, mixture, phases)
    yield (
        emit.SCATTER_STEP,
        emit.scatter_units(tokens, phases, layout.buckets, seed=layout.seed, consumed=layout.consumed),
    )
    scattered = emit.exchange_files(tokens, phases)
    for name, exchanged in scattered.items():
        joining, scattered[name] = joined(f"{emit.SCATTER_STEP.name}.{name}", exchanged)
        yield from joining
    yield (
        emit.PACK_STEP,
        emit.pack_units(
            scattered,
            phases,
            layout.buckets,
            method=layout.method,
            seed=layout.seed,
            loss_mask=layout.loss_mask,
        ),
    )


def _tokenizer(parts: Sequence[Part], settings: Settings, dropping: Sequence[str]) -> Iterator[Planned]:
    """Sample and training or, for a tokenizer that is given, a look whether it has what the run needs."""
    manifest, asked = settings.manifest, settings.manifest.tokenizer
    special = _special_tokens(parts, manifest)
    inherited = tokenizer_of(settings.line)
    if asked.path is not None or inherited is not None:
        place = settings.in_place("tokenizer", asked.path) if asked.path is not None else str(inherited)
        try:
            files = with_tokens(read(place), asked.tokens)
            encoder = encoder_of(files)
            if inherited is not None and encoder.digest != load(inherited).digest:
                raise ConfigurationError(
                    f"{settings.in_manifest('tokenizer', 'path')}: {place} isn't the tokenizer of "
                    f"{settings.line[0].place}: one model reads both runs"
                )
            if not is_ours(encoder):  # its own template writes its own tokens
                special = [name for name in special if name not in CONVERSATION]
            encoder.require(special, "the documents of this run")
            if manifest.conversations.thinking == Thinking.ALL and not keeps_thinking(encoder):
                raise ValueError("its chat template can't be asked to keep all reasoning (`conversations.thinking`)")
        except (OSError, ValueError, SpecialTokenError) as error:
            key = settings.in_manifest("tokenizer", "path") if asked.path is not None else f"tokenizer {place}"
            raise ConfigurationError(f"{key}: {error}") from None
        given = sample.train_units(
            [], vocabulary_size=0, digest=digest_of(files.all), place=place, special=special, tokens=asked.tokens
        )
        yield sample.TRAIN_STEP, given
        return
    by_source: dict[str, list[str]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part.name)
    samples = sample.sample_units(
        by_source, manifest.weights(), seed=manifest.seed, sample_bytes=asked.sample_bytes, stages=dropping
    )
    yield sample.SAMPLE_STEP, samples
    sampled = [unit.name for unit in samples]
    size = asked.vocabulary_size
    yield sample.TRAIN_STEP, sample.train_units(sampled, vocabulary_size=size, special=special)


def _special_tokens(parts: Sequence[Part], manifest: Manifest) -> list[str]:
    """The special tokens that the run will write."""
    kinds = {part.input.kind for part in parts}
    return [
        END_OF_TEXT,
        *(CONVERSATION if kinds & set(TALKING) else ()),
        *(INFILL if manifest.fill_in_the_middle else ()),
        *(REPOSITORY if repository.KIND in kinds and manifest.repositories.whole else ()),
    ]


def _encoding(manifest: Manifest) -> Encoding:
    infill = manifest.fill_in_the_middle
    whole = manifest.packing == Packing.BEST_FIT or manifest.loss == Loss.ASSISTANT
    return Encoding(
        seed=manifest.seed,
        loss_mask=manifest.loss == Loss.ASSISTANT,
        infill=Infill(rate=infill.rate, spm=infill.spm, syntax=infill.syntax) if infill else None,
        longest=max(phase.length for phase in manifest.curriculum) if whole else None,
        too_long=manifest.conversations.too_long,
        thinking=manifest.conversations.thinking,
    )


def _encode(
    parts: Sequence[Part], manifest: Manifest, encoding: Encoding, dropping: Sequence[str]
) -> Sequence[Unit[EncodePart]]:
    """One unit a part; documents whose quality a filter measures, or their cluster's size, are sorted into buckets."""
    quality = manifest.mixture.quality
    if quality is None:
        return encode_units([part.name for part in parts], encoding, stages=dropping, attributes=True)
    sorting = replace(encoding, bucket=quality.measure, edges=quality.edges)
    if quality.measure == CLUSTER_SIZE and CLUSTERING & set(dropping):
        return encode_units([part.name for part in parts], sorting, stages=dropping, attributes=True)
    scoring = [entry for entry in manifest.filters if entry.gives(quality.measure)]
    if not scoring:
        wanted = "level of deduplicate" if quality.measure == CLUSTER_SIZE else "filter"
        raise ConfigurationError(f"mixture.quality: no {wanted} of the manifest gives the measure {quality.measure!r}")
    units: list[Unit[EncodePart]] = []
    for part in parts:
        scored = any(entry.concerns(part.source, part.input.kind, part.input.holds()) for entry in scoring)
        units += encode_units([part.name], sorting if scored else encoding, stages=dropping, attributes=True)
    return units


def consumed_of(settings: Settings) -> Consumed | None:
    """The table of the documents that a model has read, as the manifest names it."""
    asked = settings.manifest.mixture.consumed
    if asked is None:
        return None
    path = settings.profile.resources[asked.removeprefix(RESOURCE)]
    return Consumed(table=Place(settings.profile.place(path)), inventory=inventory_path(inventory_name(path)))


def phases_of(manifest: Manifest) -> list[Phase]:
    """The phases of the curriculum, as the mixture sees them."""
    cut = manifest.packing == Packing.CONCATENATE  # then no document is too long for a phase
    return [
        Phase(
            name=phase.folder(),
            length=phase.length,
            share=share,
            splits=cut,
            sources=phase.weights(),
            languages=phase.languages or {},
        )
        for phase, share in zip(manifest.curriculum, manifest.phase_shares(), strict=True)
    ]


def mixture_of(manifest: Manifest) -> Mixture:
    """What a manifest asks of the mixture."""
    asked = manifest.mixture
    return Mixture(
        sources=asked.weights(),
        languages=asked.languages or {},
        tokens=manifest.budget(),
        temperature=asked.temperature,
        epochs=asked.epochs,
        source_epochs=asked.source_epochs,
        bucket_epochs=asked.bucket_epochs,
        natural=asked.natural,
    )
