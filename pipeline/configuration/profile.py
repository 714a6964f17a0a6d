"""The profile: where each source's inputs lie on this machine or in the cloud, and how much of everything to use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import isgeneratorfunction
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.packaged import as_named, is_packaged, packaged, stages_known
from winnow.pipeline.configuration.reading import ConfigurationError, OptionError, nearest
from winnow.pipeline.configuration.section import Section
from winnow.pipeline.credentials import addresses_with_credentials, names_variable
from winnow.stages.decontaminate.settings import Benchmark
from winnow.stages.document import Content
from winnow.stages.generate.settings import Server
from winnow.stages.ingest.source import SourceSettings, kind_module
from winnow.stages.training import Training

SHORTEST_SEQUENCE = 128


class Download(Section):
    """One pinned file of the package index, kept whole (`to`) or for some of its members."""

    package: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$", description="`name==version`")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    file: str = Field(description="file name in the index")
    to: str | None = Field(None, description="where the file is put, below the profile's root")
    members: dict[str, str] = Field(default_factory=dict, description="members of the archive, and where they are put")

    def places(self) -> list[str]:
        return [*([self.to] if self.to else []), *self.members.values()]

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Download:
        if not self.places():
            raise ValueError("needs `to` or `members`")
        return self


class Input(BaseModel):
    """Some files of one kind. Every other key is an option of that kind of source."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field(description="a module of stages/ingest, or a dotted path to your own")
    paths: tuple[str, ...] = Field(
        min_length=1,
        description="files, folders or patterns; relative to the profile's root. Files below 1 MiB that one of them names "
        "share parts of up to 16 MiB. `{date}`, or `{date:%Y/%m}`, is what `--date` says",
    )

    content: Content | None = Field(
        None, description="what its texts are, which filters go by; most kinds know it, `tables` and your own must say"
    )

    def holds(self) -> Content | None:
        """What the texts are: as the profile says or as the kind knows; None where neither does."""
        return self.content or getattr(kind_module(self.kind), "CONTENT", None)

    def settings(self) -> SourceSettings:
        model: type[SourceSettings] = kind_module(self.kind).Settings
        return model.model_validate(self.model_extra or {})

    @model_validator(mode="after")
    def _kind_exists_and_takes_the_options(self) -> Input:
        try:
            module = kind_module(self.kind)
        except LookupError as error:
            raise OptionError(("kind",), str(error)) from None
        except Exception as error:  # of a module of the user's own: whatever its code raises
            raise OptionError(("kind",), f"{self.kind} can't be imported: {type(error).__name__}: {error}") from None
        if absent := [name for name in ("Settings", "splits", "read") if not hasattr(module, name)]:
            raise OptionError(("kind",), f"{self.kind} is no kind of source: it has no {', '.join(absent)}")
        if isgeneratorfunction(module.read):
            raise OptionError(
                ("kind",),
                f"{self.kind}.read yields, so nothing of it would run: it calls `builder.add` for each document",
            )
        try:
            self.settings()
        except ValidationError as error:
            first = error.errors()[0]
            message = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                known = {*module.Settings.model_fields, *Input.model_fields}
                message = f"kind {self.kind} has no such option{nearest(str(first['loc'][0]), known)}"
            raise OptionError(first["loc"], message[0].lower() + message[1:]) from None
        return self


class Scale(Section):
    """How a full-size manifest is made smaller. Shares, filters and rules stay as they are."""

    length_divisor: int = Field(1, ge=1, description="sequence lengths are divided by it")
    vocabulary_size: int | None = Field(None, ge=512)
    tokenizer_sample_bytes: int | None = Field(None, ge=1 << 16)
    tokens: int | None = Field(None, gt=0, description="token budget of the mixture")
    epochs: float | None = Field(None, gt=0, description="cap on the use of one document, where inputs are few")
    training: dict[str, Any] = Field(
        default_factory=dict, description="keys of `training` that are others for a small model and few tokens"
    )
    stages: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="more such keys for one training stage alone, by its name"
    )


class Profile(Section):
    """Where and how much."""

    description: str = ""
    root: str = Field(
        ".", description="folder or address that relative paths start from; itself relative to the profile's file"
    )
    downloads: tuple[Download, ...] = ()
    resources: dict[str, str] = Field(
        default_factory=dict, description="models and lists that filters name as `resource:NAME`"
    )
    benchmarks: tuple[Benchmark, ...] = Field((), description="JSONL files of benchmark items to decontaminate against")
    sources: dict[str, tuple[Input, ...]] = Field(description="inputs of each source of the mixtures")
    servers: dict[str, Server] = Field(
        default_factory=dict, description="models behind an OpenAI-compatible address, which `generate` names"
    )
    scale: Scale = Scale()
    buckets: int = Field(8, ge=1, le=65_536, description="into how many pieces an exchange cuts the keys")

    @model_validator(mode="before")
    @classmethod
    def _holds_no_credentials(cls, given: Any) -> Any:
        for address in addresses_with_credentials(given):
            raise ValueError(
                f"{address} holds credentials, which ids, receipts and the lock would keep; leave them to the environment "
                "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or to the store's own configuration file"
            )
        servers = given.get("servers") if isinstance(given, dict) else None
        for name, server in servers.items() if isinstance(servers, dict) else ():
            key, url = (server.get("key"), server.get("url")) if isinstance(server, dict) else (None, None)
            if key is not None and not names_variable(str(key)):  # which may be the key itself: it isn't shown
                message = (
                    "is the name of an environment variable that holds the key, as OPENAI_API_KEY, never the key itself"
                )
                raise OptionError(("servers", name, "key"), message)
            if isinstance(url, str) and ("?" in url or "#" in url):
                raise OptionError(
                    ("servers", name, "url"), "ends before `?`: a key stands in the environment, by `key`"
                )
        return given

    @property
    def base(self) -> str:
        """The root as paths begin with it: absolute on this machine's disk, without a slash at the end."""
        return self.root.rstrip("/") if "://" in self.root else os.path.abspath(os.path.expanduser(self.root))

    def place(self, path: str) -> str:
        """A path of the profile as it can be opened."""
        if is_packaged(path):
            return packaged(path)
        path = os.path.expanduser(path)
        return path if "://" in path or os.path.isabs(path) else f"{self.base}/{path}"

    def relative(self, path: str) -> str:
        """The path as ids and locks see it: without the base, so that they don't depend on where the inputs lie."""
        return self.naming()(path)

    def naming(self) -> Callable[[str], str]:
        """`relative` for many paths: what it takes to find the base is taken once."""
        base = f"{self.base}/"
        return lambda path: as_named(path).removeprefix(base)


def scaled(manifest: Manifest, profile: Profile, place: str = "the profile") -> Manifest:
    """The manifest at the profile's size. `place`: where the profile's sources stand, for messages.

    Raises `ConfigurationError` when a source of the mixture has no inputs in the profile.
    """
    missing = sorted(set(manifest.weights()) - set(profile.sources))
    if missing:
        raise ConfigurationError(
            f"{place}: has no inputs for {', '.join(missing)}, of which the mixture asks shares; "
            f"it has {', '.join(profile.sources) or 'none'}"
        )
    scale = profile.scale
    tokenizer = manifest.tokenizer.model_copy(
        update=_given(vocabulary_size=scale.vocabulary_size, sample_bytes=scale.tokenizer_sample_bytes)
    )
    mixture = manifest.mixture.model_copy(update=_given(tokens=scale.tokens, epochs=scale.epochs))
    curriculum = tuple(
        phase.model_copy(update={"length": max(phase.length // scale.length_divisor, SHORTEST_SEQUENCE)})
        for phase in manifest.curriculum
    )
    _check_names(scale.stages, manifest.stage, place)
    training = _changed(manifest.training, scale.training, f"{place}: scale.training")
    training = _changed(training, scale.stages.get(manifest.stage, {}), f"{place}: scale.stages.{manifest.stage}")
    length = max(manifest.repositories.length // scale.length_divisor, SHORTEST_SEQUENCE)
    return manifest.model_copy(
        update={
            "tokenizer": tokenizer,
            "mixture": mixture,
            "curriculum": curriculum,
            "training": training,
            "repositories": manifest.repositories.model_copy(update={"length": length}),
        }
    )


def _check_names(stages: Mapping[str, Mapping[str, Any]], own: str, place: str) -> None:
    """Raises `ConfigurationError` for a stage that is nearly one of ours, and for keys that no recipe of training has."""
    known = stages_known()
    for stage, changes in stages.items():
        if stage not in {own, *known} and get_close_matches(stage, known, n=1):  # near none: one of the user's own
            raise ConfigurationError(f"{place}: scale.stages.{stage}: there is no such stage{nearest(stage, known)}")
        for key in changes.keys() - Training.model_fields.keys():
            raise ConfigurationError(
                f"{place}: scale.stages.{stage}.{key}: there is no such key{nearest(key, Training.model_fields)}"
            )


def _changed(training: Training, changes: Mapping[str, Any], where: str) -> Training:
    """Raises `ConfigurationError` for keys that `training` doesn't have and values that they can't be."""
    try:
        return training.changed(**changes)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, (where, *first["loc"])))
        raise ConfigurationError(f"{key}: {first['msg'].removeprefix('Value error, ')}") from None


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
