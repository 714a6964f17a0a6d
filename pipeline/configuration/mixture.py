"""What a manifest says of the mixture: shares of sources and of languages, caps of epochs, buckets of quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from winnow.pipeline.configuration.section import Section

Share = Annotated[float, Field(gt=0, le=100)]
Weights = dict[str, Share]
PERCENT_TOLERANCE = 0.01


class Quality(Section):
    """Quality buckets: documents by the value of one measure, bucket 0 the lowest.

    `measure: cluster_size` with `edges: [2, 3, 5, 100, 1000]` and `bucket_epochs: {0: 1, 1: 2, 2: 3, 3: 5, 4: 8, 5: 1}`
    repeats documents as often as FineWeb-2 does, by how many duplicates of them were found.
    """

    measure: str = Field(
        description="of a filter of this manifest, such as `scorer.score`; or `cluster_size`, documents that it stands for"
    )
    edges: tuple[float, ...] = Field(
        min_length=1, description="ascending; a value at or above the first is in bucket 1"
    )

    @field_validator("edges")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if list(edges) != sorted(set(edges)):
            raise ValueError("the edges of quality buckets must ascend")
        return edges


class Mixture(Section):
    """Shares in per cent of tokens, by source and, at the same time, by language."""

    sources: dict[str, Share | Weights] = Field(
        min_length=1, description="a source's share, or the shares of its sub-sources"
    )
    natural: bool = Field(
        False,
        description="use of every source what is left of it; the shares then only weigh the tokenizer's sample",
    )
    languages: Weights | None = Field(None, description="shares of languages; `other` is every language not named")
    tokens: int | None = Field(None, gt=0, description="tokens in all; without it, as many as the mixture allows")
    temperature: float = Field(1.0, gt=0, le=10, description="weights are raised to 1/temperature and normalised")
    epochs: float = Field(1.0, ge=0.01, le=100, description="how often one document may be used at the most")
    source_epochs: dict[str, float] = Field(default_factory=dict, description="other caps for single sources")
    quality: Quality | None = Field(None, description="what sorts documents into quality buckets")
    bucket_epochs: dict[int, float] = Field(default_factory=dict, description="caps by quality bucket; 0 drops it")
    consumed: str | None = Field(
        None,
        pattern="^resource:.",
        description="`resource:NAME`, a table of `winnow-train consumed`: documents a model has read, not given again",
    )

    def weights(self) -> Weights:
        """Shares of sources by flat name."""
        return flat(self.sources)

    @model_validator(mode="after")
    def _shares_add_up(self) -> Mixture:
        add_up(sources=self.weights(), languages=self.languages)
        unknown = sorted(set(self.source_epochs) - set(self.weights()))
        if unknown:
            raise ValueError(f"source_epochs names {', '.join(unknown)}, which the mixture doesn't hold")
        buckets = 1 + len(self.quality.edges) if self.quality else 0
        if unknown_buckets := sorted(bucket for bucket in self.bucket_epochs if not 0 <= bucket < buckets):
            raise ValueError(f"bucket_epochs names bucket {unknown_buckets[0]}; `quality` makes {buckets} buckets")
        return self


def flat(sources: Mapping[str, float | Weights]) -> Weights:
    """Shares by flat name: `{"instructions": {"curated": 15}}` is `instructions.curated: 15`."""
    found: Weights = {}
    for name, share in sources.items():
        if isinstance(share, Mapping):
            found.update({f"{name}.{inner}": value for inner, value in share.items()})
        else:
            found[name] = share
    return found


def add_up(**marginals: Weights | None) -> None:
    """Raises `ValueError` for shares that are given and don't come to 100 per cent."""
    for what, shares in marginals.items():
        if shares and abs(sum(shares.values()) - 100) > PERCENT_TOLERANCE:
            raise ValueError(f"the shares of {what} add up to {sum(shares.values()):g} per cent, not to 100")
