"""MinHash settings and the published operating points, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from winnow.stages.deduplicate.contender import Preference


class MinHashSettings(BaseModel):
    """The manifest's `minhash` section. Two texts of similarity s share a band with probability 1 - (1 - sʳ)ᵇ."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    level: ClassVar[str] = "minhash"
    across_scripts: ClassVar[bool] = (
        False  # traditional characters are simplified ones, and pairs of one script don't count
    )

    bands: int = Field(default=14, ge=1, le=32767)
    rows: int = Field(default=8, ge=1)
    """Permutations per band; a signature holds bands × rows."""
    shingle: int = Field(default=5, ge=1, le=64)
    """Terms of a shingle: words, or characters where the script has no spaces."""
    unit: Literal["words", "characters"] = "words"
    """`characters` makes every letter a term, in any script."""
    numbers: Literal["by_kind", "keep", "fold"] = "by_kind"
    """`fold` reads every number as 0, as FineWeb does, so that pages of one template with other dates are one; `keep`
    tells texts apart by them. `by_kind` folds in web pages, books, translations and files of repositories, and keeps in
    mathematics, tables, conversations and all else; there the numbers of problems must be alike by themselves, too."""
    threshold: float = Field(default=0.7, gt=0, le=1)
    """True Jaccard similarity of the two sets of shingles from which two documents are duplicates."""
    seed: int = 1
    buckets: int = Field(default=4, ge=1)
    """Files of the band exchange; a bucket holds 50 bytes × bands × documents ÷ buckets."""
    complete: int = Field(default=16, ge=2)
    """Documents that share a band are all compared up to this number; beyond it, each with the preferred one …"""
    reach: int = Field(default=4, ge=0)
    """… and with this many that also come next to it in the following band."""
    component_rounds: int = Field(default=0, ge=0, le=20)
    """Rounds of large-star and small-star. 0: one worker holds all verified pairs, 150 bytes each."""
    known: tuple[str, ...] = ()
    """Folders or addresses of earlier runs that kept an index: their documents stay, new ones go for them. Those of
    `winnow run --after` come by themselves."""
    repeats: tuple[str, ...] = ()
    """Sources that may hold what earlier runs hold: repositories as a whole after their files, long documents."""
    remember: bool = False
    """Keep an index of the documents that stay, for later runs: about 4 bytes per word."""
    preference: Preference = Preference()

    @field_validator("known", "repeats", mode="before")
    @classmethod
    def _one_is_enough(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @property
    def stage(self) -> str:
        return f"deduplicate.{self.level}"

    def folder(self, name: str) -> str:
        """Where the run keeps the level's signatures, pairs or index."""
        return name if self.level == "minhash" else f"{self.level}/{name}"

    @property
    def permutations(self) -> int:
        return self.bands * self.rows

    def scheme(self) -> dict[str, Any]:
        """What two signatures must agree in to be compared."""
        told = self.model_dump(include={"shingle", "unit", "numbers", "seed"})
        scripts = {"scripts": "simplified"} if self.across_scripts else {}
        return {"scheme": "winnow", "normalisation": 2, "permutations": self.permutations, **told, **scripts}

    def collision_probability(self, similarity: float) -> float:
        """How likely two texts of this similarity become a candidate pair."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


class ScriptSettings(MinHashSettings):
    """The manifest's `scripts` section: near-duplicates of which one is written in traditional Chinese characters and the
    other in simplified ones. Everything else is as in `minhash`, after which it works."""

    level: ClassVar[str] = "scripts"
    across_scripts: ClassVar[bool] = True

    stays: Literal["preferred", "simplified", "traditional"] = "preferred"
    """Which of two copies stays: the one that `preference` names, or the one in this script, of several the longest."""

    @model_validator(mode="after")
    def _one_preference(self) -> ScriptSettings:
        if self.stays != "preferred" and self.preference.quality is not None:
            raise ValueError(f"stays: {self.stays} and a quality to prefer can't both decide: leave one of them out")
        return self


RECIPES: Mapping[str, MinHashSettings] = {
    # FineWeb, arXiv 2406.17557, section 3.4: 112 hashes in 14 bands of 8 over word 5-grams.
    "fineweb": MinHashSettings(bands=14, rows=8, shingle=5, threshold=0.7),
    # OLMo 3: 26 bands of 11, candidates verified at Jaccard 0.8.
    "olmo3": MinHashSettings(bands=26, rows=11, shingle=5, threshold=0.8),
    # RedPajama v2, arXiv 2411.12372: 9 bands of 13 of 128 hashes, for similarity 0.8.
    "redpajama2": MinHashSettings(bands=9, rows=13, shingle=13, threshold=0.8),
    # NeMo Curator's default: 20 bands of 13 over character 24-grams.
    "curator": MinHashSettings(bands=20, rows=13, shingle=24, unit="characters", threshold=0.8),
    # MegaMath, arXiv 2504.02807: 11 bands of 10.
    "megamath": MinHashSettings(bands=11, rows=10, shingle=5, threshold=0.75),
    # olmOCR's documents: 14 bands of 5 (there over 5-grams of p50k tokens, here of words).
    "olmocr": MinHashSettings(bands=14, rows=5, shingle=5, threshold=0.6),
}
"""Published operating points by name. The threshold of verification is ours where the source doesn't verify."""
