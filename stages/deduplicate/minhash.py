"""MinHash near-duplicates, in steps.

sign        each part: signatures/<part>.parquet, and one row per band into the band exchange
recall      each index file of an earlier run: its bands, too
pair        each bucket of bands: pairs of documents that share a band
show        each part: the shingles of its documents travel to the parts that their partners are in
verify      each part: the true Jaccard similarity of every pair, kept in pairs/<part>.parquet
choose      who stays: no document goes without reaching the threshold with one that stays
            (with component_rounds, before it: link, star …, label, and choose bucket by bucket)
drop        each part: drops/deduplicate.minhash/ and clusters/deduplicate.minhash/
remember    each part: index/<part>.parquet, for later runs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from winnow.stages.deduplicate import bands, candidates, components, index, survivor, verify
from winnow.stages.deduplicate.contender import part_inputs
from winnow.stages.deduplicate.recipes import RECIPES, MinHashSettings
from winnow.stages.deduplicate.verdict import drop, drop_units
from winnow.stages.run.drops import drops_path
from winnow.stages.run.unit import Step, Unit

__all__ = ["RECIPES", "STAGE", "MinHashSettings", "plan"]

STAGE = "deduplicate.minhash"

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

Planned = tuple[tuple[Step, list[Unit]], ...]


def plan(parts: Sequence[str], settings: MinHashSettings, earlier: Sequence[str] = ()) -> Planned:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it.

    Raises `FileNotFoundError` when an earlier run that the settings name kept no index.
    """
    return _Plan(sorted(parts), settings, list(earlier)).steps()


class _Plan:
    """The parts, then the index files of earlier runs, each with its number in the exchanges."""

    def __init__(self, parts: list[str], settings: MinHashSettings, earlier: list[str]) -> None:
        self.parts, self.settings, self.earlier = parts, settings, earlier
        self.known = index.known_files(settings.known)
        self.seats = [*parts, *(index.known_part(number) for number in range(len(self.known)))]
        self.dumped = settings.model_dump(mode="json")

    def steps(self) -> Planned:
        choosing, verdicts = self.one_worker() if self.settings.component_rounds == 0 else self.many_workers()
        planned = [
            (SIGN, self.sign()),
            (RECALL, self.recall()),
            (PAIR, self.pair()),
            (SHOW, self.show()),
            (VERIFY, self.verify()),
            *choosing,
            (DROP, self.drop(verdicts)),
            (REMEMBER, self.remember()),
        ]
        return tuple((step, units) for step, units in planned if units)

    def sign(self) -> list[Unit]:
        return [
            self._seat(at, part_inputs(part, self.earlier, self.settings.preference), earlier=self.earlier)
            for at, part in enumerate(self.parts)
        ]

    def recall(self) -> list[Unit]:
        return [self._seat(at, ()) for at in range(len(self.parts), len(self.seats))]

    def pair(self) -> list[Unit]:
        inputs = tuple(bands.bands_path(seat) for seat in self.seats)
        return [
            self._bucket(bucket, inputs, new_parts=len(self.parts), settings=self.dumped)
            for bucket in range(self.settings.buckets)
        ]

    def show(self) -> list[Unit]:
        pairs = tuple(candidates.pairs_path(bucket) for bucket in range(self.settings.buckets))
        return [self._seat(at, (*self._own(at), *pairs), own=len(self._own(at))) for at in range(len(self.seats))]

    def verify(self) -> list[Unit]:
        shown = tuple(verify.shown_path(seat) for seat in self.seats)
        return [self._seat(at, (*self._own(at), *shown), own=len(self._own(at))) for at in range(len(self.parts))]

    def one_worker(self) -> tuple[list[tuple[Step, list[Unit]]], list[str]]:
        """One unit chooses among all; and the file of its verdicts."""
        name = f"exchange/{STAGE}.verdicts/all.parquet"
        told = {"threshold": self.settings.threshold, "parts": len(self.seats), "verdicts": name}
        inputs = tuple(verify.evidence_path(part) for part in self.parts)
        return [(CHOOSE, [Unit(name="all", inputs=inputs, parameters=told)])], [name]

    def many_workers(self) -> tuple[list[tuple[Step, list[Unit]]], list[str]]:
        """Components by exchange, then a choice in each bucket of them; and the files of the verdicts."""
        buckets, stars = self.settings.buckets, 2 * self.settings.component_rounds
        link = [
            self._seat(at, (verify.evidence_path(part),), buckets=buckets, threshold=self.settings.threshold)
            for at, part in enumerate(self.parts)
        ]
        planned = [(LINK, link)]
        for number in range(stars):
            files = components.link_files(number, self.parts, buckets)
            star = [self._bucket(bucket, files, buckets=buckets, round=number) for bucket in range(buckets)]
            # One step for each round: its name tells the rounds apart, its work is the same.
            planned.append((Step(name=f"{STAR.name}-{number:02d}", version=STAR.version, work=STAR.work), star))
        files = components.link_files(stars, self.parts, buckets)
        pairs = tuple(components.pairs_path(part) for part in self.parts)
        label = [self._bucket(bucket, (*files, *pairs), buckets=buckets, files=len(files)) for bucket in range(buckets)]
        labelled = tuple(components.labelled_path(bucket) for bucket in range(buckets))
        verdicts = [f"exchange/{STAGE}.verdicts/{bucket:05d}.parquet" for bucket in range(buckets)]
        choose = [self._bucket(bucket, labelled, verdicts=verdicts[bucket]) for bucket in range(buckets)]
        return [*planned, (LABEL, label), (CHOOSE_BUCKET, choose)], verdicts

    def drop(self, verdicts: list[str]) -> list[Unit]:
        return drop_units(
            self.parts,
            STAGE,
            verdicts,
            rule="jaccard",
            threshold=f"≥ {self.settings.threshold:g}",
            earlier=self.earlier,
            seats=len(self.seats),
        )

    def remember(self) -> list[Unit]:
        if not self.settings.remember:
            return []
        stages = [*self.earlier, STAGE]
        return [
            self._seat(at, (*self._own(at), *(drops_path(stage, part) for stage in stages)), stages=stages)
            for at, part in enumerate(self.parts)
        ]

    def _own(self, at: int) -> tuple[str, ...]:
        """The files that belong to a part itself; an index file of an earlier run has none here."""
        if at >= len(self.parts):
            return ()
        return f"documents/{self.parts[at]}.parquet", bands.signatures_path(self.parts[at])

    def _seat(self, at: int, inputs: tuple[str, ...], **more: Any) -> Unit:
        """A unit of one part, or of one index file of an earlier run."""
        told = {"part": self.seats[at], "index": at, "parts": len(self.seats), "settings": self.dumped, **more}
        if at >= len(self.parts):
            told["known"] = self.known[at - len(self.parts)]._asdict()
        return Unit(name=self.seats[at], inputs=inputs, parameters=told)

    def _bucket(self, bucket: int, inputs: tuple[str, ...], **more: Any) -> Unit:
        told = {"bucket": bucket, "parts": len(self.seats), **more}
        return Unit(name=f"bucket-{bucket:05d}", inputs=inputs, parameters=told)
