"""The manifest: what a training stage is made of. One YAML file per training stage, checked before any work starts."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from winnow.filters.license import PERMISSIVE, Category
from winnow.filters.recipes import find_recipe
from winnow.formats.languages.imports.graph import Policy
from winnow.pipeline.configuration.mixture import PERCENT_TOLERANCE, Mixture, Share, Weights, add_up, flat
from winnow.pipeline.configuration.reading import WRITTEN, OptionError
from winnow.pipeline.configuration.section import Section
from winnow.stages.decide import Application
from winnow.stages.decontaminate.settings import DecontaminationRules
from winnow.stages.deduplicate.exact import ExactSettings
from winnow.stages.deduplicate.forks import Settings as RepositorySettings
from winnow.stages.deduplicate.lines import LineSettings
from winnow.stages.deduplicate.recipes import MinHashSettings, ScriptSettings
from winnow.stages.deduplicate.semantic import SemanticSettings
from winnow.stages.deduplicate.url import UrlSettings
from winnow.stages.document import Content
from winnow.stages.generate.settings import Generation
from winnow.stages.measuring import LABEL
from winnow.stages.passes import Measuring
from winnow.stages.rejection_sampling import RejectionSamplingSettings
from winnow.stages.run.code import code_of
from winnow.stages.tokens.settings import Thinking, TooLong
from winnow.stages.training import Training


class Loss(StrEnum):
    ALL = "all"
    ASSISTANT = "assistant"


class Output(StrEnum):
    SHARDS = "shards"
    PREFERENCES = "preferences"
    ANSWERS = "answers"


class Bounds(Section):
    """New bounds for one rule of a recipe."""

    minimum: float | None = None
    maximum: float | None = None


class Filter(Section):
    """One recipe, and on which documents it decides. Without `content`, `sources`, `kinds` or `languages`: on all."""

    recipe: str = Field(description="name of a recipe (`winnow recipes`) or `package.module:NAME`")
    content: tuple[Content, ...] = Field((), description="only documents of inputs that hold this")
    sources: tuple[str, ...] = Field((), description="only documents of these sources of the mixture")
    kinds: tuple[str, ...] = Field((), description="only documents that these kinds of ingest made")
    languages: tuple[str, ...] = Field(
        (), description="only documents measured to be in these languages; on others it isn't measured either"
    )
    thresholds: dict[str, Bounds | None] = Field(
        default_factory=dict, description="rules whose bounds differ from the recipe's; `null` leaves a rule out"
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the measure; `resource:NAME` is a file of the profile"
    )

    def concerns(self, source: str, kind: str, content: Content | None) -> bool:
        """Whether it can decide on documents of a part: a part has one source, one kind and one content."""
        return (
            (not self.sources or source in self.sources)
            and (not self.kinds or kind in self.kinds)
            and (not self.content or content in self.content)
        )

    def gives(self, measure: str) -> bool:
        """Whether its recipe gives measures of this one's family, the word before the point."""
        return measure.partition(".")[0] in find_recipe(self.recipe).families

    def measuring(self, languages: tuple[str, ...] = ()) -> Measuring:
        """What is counted or edited, on documents of these languages alone, or of all."""
        code = (*code_of(self.recipe), *code_of(self.options))
        return Measuring(recipe=self.recipe, options=self.options, languages=languages, code=code)

    def application(self) -> Application:
        """The recipe's rules with these thresholds, and where they decide. Raises `LookupError` for an unknown name."""
        changes = {
            rule: None if bounds is None else bounds.model_dump(exclude_none=True)
            for rule, bounds in self.thresholds.items()
        }
        return Application(
            recipe=find_recipe(self.recipe).with_thresholds(changes),
            sources=frozenset(self.sources) or None,
            kinds=frozenset(self.kinds) or None,
            languages=frozenset(self.languages) or None,
        )


class Deduplicate(Section):
    """The levels of de-duplication, in this order; a level that isn't named isn't worked."""

    @model_validator(mode="before")
    @classmethod
    def _says_what_it_asks(cls, given: Any, info: ValidationInfo) -> Any:
        """In a file; a lock names every level, with nothing where none was asked for."""
        written = info.context == WRITTEN and isinstance(given, dict)
        for level, settings in given.items() if written else ():
            if settings is None and level in cls.model_fields:
                raise OptionError((level,), "is empty: write {} for what it is by default, or leave the level out")
        return given

    repositories: RepositorySettings | None = Field(
        None, description="forks and mirrors, before their files are compared"
    )
    url: UrlSettings | None = Field(None, description="one document per address")
    exact: ExactSettings | None = Field(None, description="equal text but for white space")
    lines: LineSettings | None = Field(None, description="lines that many documents share are taken out")
    minhash: MinHashSettings | None = Field(None, description="near-duplicates, every pair verified")
    scripts: ScriptSettings | None = Field(None, description="copies in the other script of Chinese")
    semantic: SemanticSettings | None = Field(None, description="near in meaning, by a model's embeddings")


class Tokenizer(Section):
    """Trained on a sample of the run's own documents, or taken as it is from `path`."""

    vocabulary_size: int = Field(151_552, ge=512, le=1 << 20)
    path: str | None = Field(
        None,
        description="a tokenizer.json, tokenizer.model or folder with one, to use instead of training one; relative to the "
        "manifest's file",
    )
    tokens: dict[str, str] = Field(
        default_factory=dict,
        description='which tokens of it serve as ours, where its own files don\'t say: `{end_of_text: "</s>"}`',
    )
    sample_bytes: int = Field(2 << 30, ge=1 << 16, description="text that the tokenizer is trained on")


class Repositories(Section):
    """How the files of one repository become sequences."""

    whole: bool = Field(True, description="a repository is one sequence; otherwise each file is a document of its own")
    order: Policy = Field(Policy.DEPENDENCY, description="of the files in a sequence")
    length: int = Field(131_072, ge=128, description="tokens of a sequence at the most; longer repositories are split")
    licenses: tuple[Category, ...] = Field(PERMISSIVE, description="categories of licence that are kept")
    unknown_license: Literal["keep", "drop"] = Field(
        "drop", description="what becomes of files whose licence isn't known"
    )


class Conversations(Section):
    """How conversations become sequences."""

    too_long: TooLong = Field(
        TooLong.DROP,
        description="what becomes of one longer than the longest sequence: `drop`; `cut` behind the last answer that fits; "
        "`continue` in further sequences, its opening repeated and not learned",
    )
    thinking: Thinking = Field(
        Thinking.LATEST,
        description="which reasoning stays and is learned: `latest`, after the user's last words, as the model is asked; "
        "`all`, of every turn, for a model that is served with `clear_thinking` false",
    )


class FillInTheMiddle(Section):
    """Code documents turned into prefix, suffix and middle."""

    rate: float = Field(0.5, ge=0, le=1, description="share of code documents that are transformed")
    spm: float = Field(0.5, ge=0, le=1, description="share of those in suffix-prefix-middle order")
    syntax: float = Field(0.0, ge=0, le=1, description="share of those whose gap is a syntax node, not any characters")


class Phase(Section):
    """One phase of the curriculum: sequences of one length. Either all phases give a `share` or all give `tokens`."""

    length: int = Field(ge=32, le=1 << 20, description="tokens of a sequence")
    share: Share | None = Field(None, description="per cent of the tokens")
    tokens: int | None = Field(
        None, gt=0, description="the same as a number; with a budget of the mixture in proportion"
    )
    rotary_base: float = Field(10_000.0, gt=1, description="base of the rotary embedding in this phase")
    name: str = Field("", description="folder of its shards; `length-<length>` by default")
    sources: dict[str, Share | Weights] = Field(
        default_factory=dict, description="shares of sources in this phase, where they aren't the mixture's"
    )
    languages: Weights | None = Field(None, description="shares of languages in this phase, likewise")

    def folder(self) -> str:
        return self.name or f"length-{self.length}"

    def weights(self) -> Weights:
        """The phase's own shares of sources by flat name; empty where they are the mixture's."""
        return flat(self.sources)

    @model_validator(mode="after")
    def _shares_add_up(self) -> Phase:
        add_up(sources=self.weights(), languages=self.languages)
        return self


class Packing(StrEnum):
    CONCATENATE = "concatenate"
    BEST_FIT = "best_fit"


STAGES: Mapping[str, Mapping[str, Any]] = {
    "pretrain": {"packing": Packing.CONCATENATE},
    "domain": {"packing": Packing.CONCATENATE},
    "mid": {"packing": Packing.BEST_FIT},
    "sft": {"packing": Packing.BEST_FIT, "loss": Loss.ASSISTANT},
    "rl": {"packing": Packing.BEST_FIT, "output": Output.PREFERENCES},
}
"""What a manifest that doesn't say means by its stage's name."""
GENERATING = {"output": Output.ANSWERS, "packing": Packing.CONCATENATE, "curriculum": [{"length": 4096, "share": 100}]}
"""The same of one that has `generate`: it makes no sequences."""


class Manifest(Section):
    """Everything that decides what a training stage's shards hold. Where the inputs lie is the profile's business."""

    stage: str = Field(
        pattern=r"^[a-z][a-z0-9_-]*$",
        description="the training stage's name: `pretrain`, `domain`, `mid`, `sft`, `rl` or one of your own; it decides the "
        "defaults of `loss`, `output` and `packing` alone",
    )
    description: str = ""
    seed: int = Field(ge=0, lt=1 << 63, description="every random choice is a hash of it, the document and the purpose")
    edits: tuple[Filter, ...] = Field((), description="recipes that change text, applied right after ingest")
    filters: tuple[Filter, ...] = Field((), description="recipes that measure and decide, in this order")
    deduplicate: Deduplicate = Deduplicate()
    rejection_sampling: RejectionSamplingSettings | None = Field(None, description="of scored answers, keep the best")
    decontaminate: DecontaminationRules | None = DecontaminationRules()
    generate: Generation | None = Field(
        None, description="what a model is asked about the documents that are left; its answers are the run's output"
    )
    tokenizer: Tokenizer = Tokenizer()
    mixture: Mixture
    repositories: Repositories = Repositories()
    conversations: Conversations = Conversations()
    fill_in_the_middle: FillInTheMiddle | None = None
    packing: Packing = Field(
        Packing.CONCATENATE,
        description="`best_fit` cuts no document that fits, and is the default of `mid`, `sft` and `rl`; `concatenate` cuts "
        "anywhere and pads nowhere, and is that of `pretrain` and `domain`; a stage of your own must say",
    )
    loss: Loss = Field(
        Loss.ALL,
        description="on which tokens: `assistant`, the default of `sft`, on what the assistant says in conversations",
    )
    output: Output = Field(
        Output.SHARDS,
        description="`preferences`, the default of `rl`, are prompts and pairs in place of shards; `answers`, the default "
        "with `generate`, records that a model made, which another run takes as its inputs",
    )
    curriculum: tuple[Phase, ...] = Field(min_length=1)
    training: Training = Field(
        Training(), description="the recipe that `winnow-train` goes by, unless its command line says otherwise"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_stage(cls, given: Any) -> Any:
        """Keys that aren't set are those of the stage's name, where it is one that Winnow knows."""
        if not isinstance(given, dict):
            return given
        if given.get("generate") is not None:
            return {**GENERATING, **given}
        stage = given.get("stage")
        if isinstance(stage, str) and stage not in STAGES and "packing" not in given:
            near = get_close_matches(stage, STAGES, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise OptionError(("packing",), f"is missing, and a stage {stage!r} of your own{hint} has no default")
        return {**STAGES.get(str(stage), {}), **given}

    @field_validator("curriculum")
    @classmethod
    def _phases_fit(cls, phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
        folders = [phase.folder() for phase in phases]
        if len(set(folders)) < len(folders):
            raise ValueError("two phases have the same name; name the second one")
        shares = [phase.share for phase in phases if phase.share is not None]
        tokens = [phase.tokens for phase in phases if phase.tokens is not None]
        if sorted((len(shares), len(tokens))) != [0, len(phases)]:
            raise ValueError("either every phase gives its share or every phase gives its tokens")
        if shares and abs(sum(shares) - 100) > PERCENT_TOLERANCE:
            raise ValueError(f"the shares of the phases add up to {sum(shares):g} per cent, not to 100")
        return phases

    @model_validator(mode="after")
    def _answers_are_asked_for(self) -> Manifest:
        if (self.output == Output.ANSWERS) != (self.generate is not None):
            raise OptionError(("output",), "`answers` and `generate` belong together: neither goes without the other")
        if self.generate is not None and (unknown := sorted({*self.generate.sources} - {*self.weights()})):
            raise OptionError(("generate", "sources"), f"the mixture has no source {', '.join(unknown)}")
        return self

    def measuring(self, entry: Filter) -> Measuring:
        """What a filter counts: on documents of its languages, or of all where others ask for what it measures."""
        levels = (getattr(self.deduplicate, name) for name in type(self.deduplicate).model_fields)
        preferred = (getattr(getattr(level, "preference", None), "quality", None) for level in levels)
        sorting = self.mixture.quality.measure if self.mixture.quality else None
        asked = [LABEL, *(measure for measure in (sorting, *preferred) if measure)]
        wanted = any(entry.gives(measure) for measure in asked)
        return entry.measuring(() if wanted else tuple(sorted(entry.languages)))

    def phase_shares(self) -> list[float]:
        """Per cent of the tokens, phase by phase."""
        parts = [phase.share or phase.tokens or 0 for phase in self.curriculum]
        return [100 * part / sum(parts) for part in parts]

    def budget(self) -> int | None:
        """Tokens in all: the mixture's or, without one, the sum of the phases'; None: as many as there are."""
        return self.mixture.tokens or sum(phase.tokens or 0 for phase in self.curriculum) or None

    def weights(self) -> Weights:
        """Per cent of the whole run's tokens by source: the mixture's shares and those of phases with their own."""
        if not any(phase.sources for phase in self.curriculum):
            return self.mixture.weights()
        found: Weights = {}
        for phase, part in zip(self.curriculum, self.phase_shares(), strict=True):
            for source, share in (phase.weights() or self.mixture.weights()).items():
                found[source] = found.get(source, 0.0) + share * part / 100
        return found
