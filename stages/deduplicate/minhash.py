"""MinHash near-duplicates, in steps.

sign        each part: signatures/<part>.parquet, and one row per band into the band exchange
recall      each index file of an earlier run: its bands, too
pair        each bucket of bands: pairs of documents that share a band
show        each part: the shingles of its documents travel to the parts that their partners are in
verify      each part: the true Jaccard similarity of every pair, kept in pairs/<part>.parquet
choose      who stays: no document goes without reaching the threshold with one that stays
            (with component_rounds, or many parts, before it: link, star …, label, and choose bucket by bucket)
drop        each part: drops/deduplicate.minhash/ and clusters/deduplicate.minhash/
remember    each part: index/<part>.parquet, for later runs

The level `scripts` (`stages/deduplicate/scripts.py`) takes the same steps under its own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from winnow.stages.deduplicate import bands, candidates, components, index, survivor, verify
from winnow.stages.deduplicate.contender import contending
from winnow.stages.deduplicate.recipes import RECIPES, MinHashSettings
from winnow.stages.deduplicate.verdict import DropPart, drop, drop_units
from winnow.stages.run.drops import drops_of
from winnow.stages.run.exchange import joined
from winnow.stages.run.unit import File, Files, Planned, Step, Unit, Units

__all__ = ["RECIPES", "STAGE", "MinHashSettings", "plan"]

STAGE = "deduplicate.minhash"
P = TypeVar("P")
ONE_WORKER = 1_000
"""Parts up to which one worker chooses among all verified pairs (150 bytes each), where the manifest doesn't say."""
ROUNDS = 8
"""Rounds of large-star and small-star for more parts: chains of some 2⁸ documents become stars."""

# Version 2 of sign to verify, and of remember: numbers and conversations are compared as `content` tells.
SIGN = Step(name="deduplicate.minhash.sign", version=2, work=bands.sign_part)
RECALL = Step(name="deduplicate.minhash.recall", version=2, work=index.recall_known)
PAIR = Step(name="deduplicate.minhash.pair", version=2, work=candidates.pair_bucket)
SHOW = Step(name="deduplicate.minhash.show", version=2, work=verify.show_part)
VERIFY = Step(name="deduplicate.minhash.verify", version=2, work=verify.verify_part)
LINK = Step(name="deduplicate.minhash.link", version=1, work=components.link_part)
STAR = Step(name="deduplicate.minhash.star", version=1, work=components.star_bucket)
LABEL = Step(name="deduplicate.minhash.label", version=1, work=components.label_bucket)
CHOOSE = Step(name="deduplicate.minhash.choose", version=1, work=survivor.choose_all)
CHOOSE_BUCKET = Step(name="deduplicate.minhash.choose", version=1, work=survivor.choose_bucket)
DROP = Step(name="deduplicate.minhash.drop", version=2, work=drop)
REMEMBER = Step(name="deduplicate.minhash.remember", version=2, work=index.remember_part)


def plan(parts: Sequence[str], settings: MinHashSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it.

    Raises `FileNotFoundError` when an earlier run that the settings name kept no index.
    """
    parts = sorted(parts)
    known = index.known_files(settings.known, settings.folder(index.FOLDER))
    names = [*parts, *(index.known_part(number) for number in range(len(known)))]
    settings = settings.model_copy(update={"known": ()})  # where runs lie on this machine shapes no byte of a unit's
    return _Plan(parts=parts, settings=settings, earlier=list(earlier), known=known, names=names).steps()


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """The parts, and the index files of earlier runs; `names`: of the parts, then of those files, each with its number in
    the exchanges."""

    parts: Sequence[str]
    settings: MinHashSettings
    earlier: Sequence[str]
    known: Sequence[index.Known]
    names: Sequence[str]

    @property
    def stage(self) -> str:
        return self.settings.stage

    def seat(self, at: int, name: str) -> verify.Seat:
        holds = self.signed(name) if at < len(self.parts) else self.known[at - len(self.parts)]
        return verify.Seat(index=at, parts=len(self.names), holds=holds, settings=self.settings)

    def signed(self, part: str) -> index.Signed:
        return index.Signed(File(f"documents/{part}.parquet"), bands.signatures_path(self.settings, part))

    def step(self, step: Step[P]) -> Step[P]:
        """The step as it is called at this level."""
        return replace(step, name=self.name(step.name))

    def name(self, name: str) -> str:
        return name.replace(STAGE, self.stage, 1)

    def steps(self) -> tuple[Planned, ...]:
        rounds = self.settings.component_rounds or (ROUNDS if len(self.names) > ONE_WORKER else 0)
        choosing, verdicts = self.many_workers(rounds) if rounds else self.one_worker()
        banding, banded = joined(self.name(SIGN.name), tuple(bands.bands_path(self.stage, name) for name in self.names))
        buckets = range(self.settings.buckets)
        pairing, pairs = joined(
            self.name(PAIR.name), tuple(candidates.pairs_path(self.stage, bucket) for bucket in buckets)
        )
        showing, shown = joined(self.name(SHOW.name), tuple(verify.shown_path(self.stage, name) for name in self.names))
        planned: list[Planned] = [
            (SIGN, self.sign()),
            (RECALL, self.recall()),
            *banding,
            (PAIR, self.pair(banded)),
            *pairing,
            (SHOW, self.show(pairs)),
            *showing,
            (VERIFY, self.verify(shown)),
            *choosing,
            (DROP, self.drop(verdicts)),
            (REMEMBER, self.remember()),
        ]
        return tuple((self.step(step), units) for step, units in planned if units)

    def sign(self) -> Sequence[Unit[bands.SignPart]]:
        def asked(at: int, part: str) -> bands.SignPart:
            competing = contending(part, self.earlier, self.settings.preference)
            return bands.SignPart(index=at, contending=competing, settings=self.settings)

        return Units(self.parts, asked)

    def recall(self) -> list[Unit[index.RecallKnown]]:
        own = len(self.parts)
        return [
            Unit(name=name, asked=index.RecallKnown(index=own + at, known=known, settings=self.settings))
            for at, (name, known) in enumerate(zip(self.names[own:], self.known, strict=True))
        ]

    def pair(self, banded: Files) -> list[Unit[candidates.PairBucket]]:
        repeats = self.settings.repeats
        repeating = tuple(at for at, part in enumerate(self.parts) if part.rpartition("-")[0] in repeats)
        return [
            Unit(
                name=_bucket(bucket),
                asked=candidates.PairBucket(
                    stage=self.stage,
                    bucket=bucket,
                    bands=banded,
                    parts=len(self.names),
                    new_parts=len(self.parts),
                    complete=self.settings.complete,
                    reach=self.settings.reach,
                    repeating=repeating,
                ),
            )
            for bucket in range(self.settings.buckets)
        ]

    def show(self, pairs: Files) -> Sequence[Unit[verify.ShowPart]]:
        return Units(self.names, lambda at, name: verify.ShowPart(seat=self.seat(at, name), pairs=pairs))

    def verify(self, shown: Files) -> Sequence[Unit[verify.VerifyPart]]:
        return Units(self.parts, lambda at, part: verify.VerifyPart(seat=self.seat(at, part), shown=shown))

    def one_worker(self) -> tuple[list[Planned], Files]:
        """One unit chooses among all; and the file of its verdicts."""
        name = f"exchange/{self.stage}.verdicts/all.buckets"
        asked = survivor.ChooseAll(
            evidence=tuple(verify.evidence_path(self.settings, part) for part in self.parts),
            threshold=self.settings.threshold,
            verdicts=name,
            parts=len(self.names),
        )
        return [(CHOOSE, [Unit(name="all", asked=asked)])], (File(name),)

    def many_workers(self, rounds: int) -> tuple[list[Planned], Files]:
        """Components by exchange, then a choice in each bucket of them; and the files of the verdicts."""
        buckets, stars = self.settings.buckets, 2 * rounds
        link_name = self.name(LINK.name)
        link = Units(
            self.parts,
            lambda _, part: components.LinkPart(
                stage=self.stage,
                evidence=verify.evidence_path(self.settings, part),
                threshold=self.settings.threshold,
                buckets=buckets,
            ),
        )
        planned: list[Planned] = [(LINK, link)]
        for number in range(stars):
            joining, files = joined(
                f"{link_name}-{number:02d}", components.link_files(self.stage, number, self.parts, buckets)
            )
            planned += joining
            star = [
                Unit(
                    name=_bucket(bucket),
                    asked=components.StarBucket(
                        stage=self.stage, bucket=bucket, buckets=buckets, round=number, links=files
                    ),
                )
                for bucket in range(buckets)
            ]
            # One step for each round: its name tells the rounds apart, its work is the same.
            planned.append((Step(name=f"{STAR.name}-{number:02d}", version=STAR.version, work=STAR.work), star))
        joining, files = joined(
            f"{link_name}-{stars:02d}", components.link_files(self.stage, stars, self.parts, buckets)
        )
        pairing, pairs = joined(
            f"{link_name}-pairs", tuple(components.pairs_path(self.stage, part) for part in self.parts)
        )
        planned += [*joining, *pairing]
        label = [
            Unit(
                name=_bucket(bucket),
                asked=components.LabelBucket(
                    stage=self.stage, bucket=bucket, buckets=buckets, links=files, pairs=pairs
                ),
            )
            for bucket in range(buckets)
        ]
        labelled = tuple(components.labelled_path(self.stage, bucket) for bucket in range(buckets))
        labelling, labelled = joined(self.name(LABEL.name), labelled)
        verdicts = [f"exchange/{self.stage}.verdicts/{bucket:05d}.buckets" for bucket in range(buckets)]
        choose = [
            Unit(
                name=_bucket(bucket),
                asked=survivor.ChooseBucket(
                    bucket=bucket, labelled=labelled, verdicts=verdicts[bucket], parts=len(self.names)
                ),
            )
            for bucket in range(buckets)
        ]
        choosing, files = joined(self.name(CHOOSE.name), tuple(map(File, verdicts)))
        return [*planned, (LABEL, label), *labelling, (CHOOSE_BUCKET, choose), *choosing], files

    def drop(self, verdicts: Files) -> Sequence[Unit[DropPart]]:
        return drop_units(
            self.parts,
            self.stage,
            verdicts,
            rule="jaccard",
            threshold=f"≥ {self.settings.threshold:g}",
            earlier=self.earlier,
            seats=len(self.names),
        )

    def remember(self) -> Sequence[Unit[index.RememberPart]]:
        if not self.settings.remember:
            return []
        stages = [*self.earlier, self.stage]

        def asked(_: int, part: str) -> index.RememberPart:
            return index.RememberPart(signed=self.signed(part), drops=drops_of(part, stages), settings=self.settings)

        return Units(self.parts, asked)


def _bucket(bucket: int) -> str:
    return f"bucket-{bucket:05d}"
