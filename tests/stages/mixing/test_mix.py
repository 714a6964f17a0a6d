"""Mix and emit over made-up tokens: what is asked is built, nothing twice, everything in its place, equal bytes."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.mixing import mix
from winnow.stages.mixing.bounds import BINS, Line, place_bounds
from winnow.stages.mixing.mixture import Cell, Mixture, Phase, overall
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards import emit
from winnow.stages.shards.emit import Method
from winnow.stages.shards.shard import Phase as ShardPhase
from winnow.stages.shards.shard import build_index
from winnow.stages.tokens.sample import TOKENIZER
from winnow.stages.tokens.schema import list_lengths, tokens_path, tokens_schema

SEED = 11
END = 1
PARTS = {"web-00000": 600, "web-00001": 500, "books-00000": 60, "code-00000": 300}
PHASES = [
    Phase(name="short", length=512, share=60, splits=True),
    Phase(name="long", length=4096, share=40, splits=True),
]
MIXTURE = Mixture(
    sources={"web": 50, "books": 30, "code": 20}, languages={"en": 60, "zh": 40}, tokens=400_000, epochs=2
)


def make_part(part: str, rows: int) -> pa.Table:
    """Documents whose tokens tell where they come from: token i of document d is (31 d + i) mod 50,000 + 2."""
    generator = np.random.default_rng(len(part) * 1000 + rows)
    source = part.partition("-")[0]
    mean = {"web": 6.0, "books": 8.3, "code": 5.5}[source]
    lengths = np.maximum(generator.lognormal(mean, 0.8, rows).astype(int), 5)
    records = []
    for row, length in enumerate(lengths.tolist()):
        records.append(
            {
                "id": f"{part}-{row:06d}",
                "source": source,
                "language": "Python" if source == "code" else "zh" if row % 3 == 0 else "en",
                "kind": "made-up",
                "bucket": row % 3,
                "tokens": [(row * 31 + i) % 50_000 + 2 for i in range(length)],
                "loss": None if row % 2 else [i % 5 > 0 for i in range(length)],
                "cuts": list(range(97, length, 97)),
            }
        )
    return pa.Table.from_pylist(records, schema=tokens_schema(np.uint16))


@pytest.fixture
def run(workspace: Workspace) -> Workspace:
    """A run directory with tokens and a tokenizer's summary."""
    for part, rows in PARTS.items():
        workspace.write_table(tokens_path(part), make_part(part, rows))
    workspace.write_bytes(TOKENIZER, json.dumps({"special": {"<|endoftext|>": END}}).encode())
    return workspace


def solve(run: Workspace, mixture: Mixture = MIXTURE, phases: list[Phase] = PHASES) -> dict[str, object]:
    for unit in mix.histogram_units(list(PARTS), mixture, phases, seed=SEED):
        mix.HISTOGRAM_STEP.work(run, unit)
    units, histograms = mix.sum_units(list(PARTS))
    for unit in units:
        mix.SUM_STEP.work(run, unit)
    (unit,) = mix.solve_units(histograms, mixture, phases)
    mix.SOLVE_STEP.work(run, unit)
    plan: dict[str, object] = json.loads(run.read_bytes(mix.PLAN))
    return plan


def chosen(run: Workspace, mixture: Mixture, phases: list[Phase] = PHASES) -> list[Counter[str]]:
    """How often each phase takes each document."""
    plan = solve(run, mixture, phases)
    found = [Counter[str]() for _ in phases]
    for part in PARTS:
        tokens = run.read_table(tokens_path(part))
        for counter, rows in zip(found, mix.select(tokens, plan, phases, SEED), strict=True):
            counter.update(tokens["id"].take(pa.array(rows)).to_pylist())
    return found


def sizes(run: Workspace) -> dict[str, tuple[str, str, int]]:
    """Source, language and tokens of each document."""
    found = {}
    for part in PARTS:
        tokens = run.read_table(tokens_path(part))
        columns = (tokens["source"].to_pylist(), tokens["language"].to_pylist(), list_lengths(tokens["tokens"]))
        found.update(zip(tokens["id"].to_pylist(), zip(*columns, strict=True), strict=True))
    return found


def test_sources_and_languages_are_built_within_half_a_per_cent(run: Workspace) -> None:
    phases = chosen(run, MIXTURE)
    known = sizes(run)
    by_source, by_language, by_phase = Counter[str](), Counter[str](), []
    for taken in phases:
        for document, copies in taken.items():
            source, language, length = known[document]
            by_source[source] += copies * int(length)
            by_language[language] += copies * int(length)
        by_phase.append(sum(copies * int(known[document][2]) for document, copies in taken.items()))
    for source, share in MIXTURE.source_shares().items():
        assert by_source[source] == pytest.approx(400_000 * share, rel=0.005)
    named = by_language["en"] + by_language["zh"]
    assert by_language["zh"] / named == pytest.approx(0.4, rel=0.005)
    assert by_phase == pytest.approx([240_000, 160_000], rel=0.03)


def test_no_document_is_used_more_often_than_its_epochs_allow(run: Workspace) -> None:
    first, second = chosen(run, MIXTURE)
    assert max((first + second).values()) <= 2
    first, second = chosen(run, Mixture(sources=MIXTURE.sources, epochs=1))
    assert max((first + second).values()) == 1


def test_a_larger_budget_extends_a_smaller_one(run: Workspace) -> None:
    def taken(tokens: int) -> Counter[str]:
        return sum(chosen(run, Mixture(sources={"web": 70, "code": 30}, tokens=tokens)), Counter())

    small, large = taken(100_000), taken(200_000)
    extra = small - large
    # Only the last document of a cell, chosen to fit, may be another one.
    assert sum(extra.values()) <= len({(size[0], size[1]) for size in sizes(run).values()}) * 6
    assert sum(extra.values()) < 0.1 * sum(small.values())


def test_the_histogram_counts_every_token(run: Workspace) -> None:
    solve(run)
    for part in PARTS:
        counted = run.read_table(mix.histogram_path(part))
        tokens = run.read_table(tokens_path(part))
        assert counted["tokens"].to_numpy().sum() == list_lengths(tokens["tokens"]).sum()
        assert counted["documents"].to_numpy().sum() == tokens.num_rows


def test_bounds_lie_where_sorted_documents_say() -> None:
    bins, tokens = np.array([5, 90, 300, BINS - 1]), np.array([10, 20, 30, 40])
    bounds = place_bounds(
        [Cell("a", "en", -1, 8)],
        [Line(bins, tokens, np.ones(4, np.int64))],
        np.array([[130.0, 25.0]]),
        np.array([300.0]),
    )
    # 130 tokens: all once (100), then documents 5 and 90; 25 more: document 300 is nearer than none.
    assert bounds.edges.tolist() == [[0, BINS + 300, BINS + 300]]
    assert bounds.take(np.zeros(4, np.int64), bins).tolist() == [[2, 0], [2, 0], [1, 1], [1, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_where_phases_have_sources_of_their_own_none_makes_up_for_another(seed: int) -> None:
    """What books of up to 1,500 tokens leave missing isn't filled with notes of up to 150, whose share would suffer."""
    chance = np.random.default_rng(seed)
    cells = [Cell(source, "en", bucket, 0) for source in ("books", "notes") for bucket in range(4)]
    sizes = {"books": (500, 1500), "notes": (50, 150)}
    lines = [
        Line(
            np.sort(chance.choice(BINS, 40, replace=False)), chance.integers(*sizes[cell.source], 40), np.ones(40, int)
        )
        for cell in cells
    ]
    whole = np.array([float(line.whole) for line in lines])
    wanted = whole[:, None] * chance.uniform(0.2, 0.45, (8, 2))
    missed = place_bounds(cells, lines, wanted, whole, by_source=True).built - wanted
    for rows, (_, longest) in zip((slice(4), slice(4, 8)), sizes.values(), strict=True):
        assert np.abs(missed[rows].sum(axis=0)).max() < longest


@pytest.mark.parametrize(
    ("wanted", "most", "taken"),
    [
        (450, 2000, [0, 0, 300, 120, 40]),  # 460 is nearer than 420
        (450, 455, [0, 0, 300, 120, 0]),  # but not allowed
        (360, 2000, [0, 50, 300, 0, 0]),  # not 300 and 40 and 50: too much
        (19, 2000, [0, 0, 0, 0, 0]),  # nearer to nothing than to 40
    ],
)
def test_a_cell_of_few_documents_gets_those_that_come_nearest(wanted: int, most: int, taken: list[int]) -> None:
    bins, tokens = np.array([7, 20, 300, 4000, 5000]), np.array([900, 50, 300, 120, 40])
    line, cell = Line(bins, tokens, np.ones(5, np.int64)), Cell("books", "en", -1, 512)
    bounds = place_bounds([cell], [line], np.array([[float(wanted)]]), np.array([float(most)]))
    assert (bounds.take(np.zeros(5, np.int64), bins)[:, 0] * tokens).tolist() == taken
    assert bounds.built.tolist() == [[sum(taken)]]


def test_what_one_cell_has_too_much_the_next_of_its_source_gets_less() -> None:
    cells = [Cell("books", "en", -1, 512), Cell("books", "en", -1, 4096)]
    lines = [
        Line(np.array([9]), np.array([10]), np.ones(1, np.int64)),
        Line(np.array([5]), np.array([90]), np.ones(1, np.int64)),
    ]
    bounds = place_bounds(cells, lines, np.array([[7.0], [50.0]]), np.array([100.0, 900.0]))
    assert bounds.built.tolist() == [[0], [90]]  # 57 asked: 90 is as near as any, and leaves nothing to ask for
    assert bounds.take(np.array([0, 1]), np.array([9, 5])).tolist() == [[0], [1]]


def test_what_whole_documents_miss_is_said(run: Workspace) -> None:
    only = [Phase(name="only", length=512, share=100, splits=True)]
    books = run.read_table(tokens_path("books-00000"))
    run.write_table(tokens_path("books-00000"), books.slice(int(np.argmax(list_lengths(books["tokens"]))), 1))
    whole, source = solve(run, Mixture(sources={"web": 9, "books": 1}, tokens=50_000), only)["unmet"]
    assert whole.startswith("phase only: asked 50,000 tokens, built 4")
    assert source == "source books: asked 5,000 tokens, built 0 of whole documents"
    assert solve(run, Mixture(sources={"web": 9, "code": 1}, tokens=50_000), only)["unmet"] == []


def test_shares_over_all_phases_are_those_of_each_by_its_size() -> None:
    phases: list[tuple[float, dict[str, float]]] = [(75, {}), (25, {"en": 3, "zh": 1})]
    assert overall(Mixture(sources={"web": 1}, languages={"en": 1, "zh": 1}).language_shares, phases) == {
        "en": pytest.approx(0.75 * 0.5 + 0.25 * 0.75),
        "zh": pytest.approx(0.75 * 0.5 + 0.25 * 0.25),
    }
    assert overall(Mixture(sources={"web": 1}).language_shares, phases) == {}  # the first phase leaves them open


def test_documents_take_the_sequences_that_nothing_can_share_with_them() -> None:
    lengths = [90, 55, 50, 40, 30, 100, 190, 230]
    line = Line(np.arange(8), np.array(lengths), np.ones(8, np.int64))
    # In sequences of 100: one, one, a half (two fit), a half, none (a third), one full, two, two and no more.
    assert line.sequences(100) == 1 + 1 + 0.5 + 0.5 + 0 + 1 + 2 + 2
    assert Line(np.array([3]), np.array([180]), np.array([2])).sequences(100) == 2  # two of 90


def test_histograms_summed_in_groups_are_the_same_mixture(run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = solve(run)
    monkeypatch.setattr(mix, "MOST_FILES", 2)
    assert len(mix.sum_units(list(PARTS))[0]) == 2 and len(PARTS) > 2
    assert solve(run) == apart


def emit_all(run: Workspace, method: Method, *, loss_mask: bool) -> list[dict[str, int]]:
    solve(run)
    buckets = [2, 1]
    for unit in emit.scatter_units(list(PARTS), PHASES, buckets, seed=SEED):
        emit.SCATTER_STEP.work(run, unit)
    units = emit.pack_units(
        emit.exchange_files(PARTS, PHASES), PHASES, buckets, method=method, seed=SEED, loss_mask=loss_mask
    )
    return [dict(emit.PACK_STEP.work(run, unit)) for unit in units]


@pytest.mark.parametrize("method", list(Method))
def test_every_token_of_every_shard_is_where_its_segment_says(run: Workspace, method: Method) -> None:
    counts = emit_all(run, method, loss_mask=True)
    originals = {row["id"]: row for part in PARTS for row in run.read_table(tokens_path(part)).to_pylist()}
    uses = sum(chosen(run, MIXTURE), Counter())
    seen: Counter[tuple[str, int]] = Counter()
    for name in run.list("shards", ".parquet"):
        for row in run.read_table(name).to_pylist():
            covered = 0
            for segment in row["segments"]:
                document = originals[segment["document"]]
                inside = slice(segment["position"], segment["position"] + segment["length"])
                source = slice(segment["offset"], segment["offset"] + segment["length"])
                assert row["input_ids"][inside] == document["tokens"][source]
                mask = document["loss"] or [True] * len(document["tokens"])
                assert row["loss_mask"][inside] == mask[source]
                assert (segment["source"], segment["language"]) == (document["source"], document["language"])
                assert segment["continued"] == (source.stop < len(document["tokens"]))
                seen.update((segment["document"], token) for token in range(source.start, source.stop))
                covered += segment["length"]
            padding = len(row["input_ids"]) - covered
            assert row["input_ids"][covered:] == [END] * padding
            assert row["loss_mask"][covered:] == [False] * padding
            assert method == Method.BEST_FIT or padding == 0
    wanted = {
        (document, token): uses[document] for document in uses for token in range(len(originals[document]["tokens"]))
    }
    lost = sum(wanted.values()) - sum(seen.values())
    assert lost == sum(count["dropped"] for count in counts)
    assert all(seen[key] <= count for key, count in wanted.items()) and set(seen) <= set(wanted)
    assert lost == 0 if method == Method.BEST_FIT else lost < 512 + 512 + 4096


def test_best_fit_cuts_nothing_that_fits_and_the_rest_at_its_cuts(run: Workspace) -> None:
    emit_all(run, Method.BEST_FIT, loss_mask=False)
    lengths = {document: int(size[2]) for document, size in sizes(run).items()}
    for phase in PHASES:
        for name in run.list(f"shards/{phase.name}", ".parquet"):
            for row in run.read_table(name, columns=["segments"]).to_pylist():
                for segment in row["segments"]:
                    if lengths[segment["document"]] <= phase.length:
                        assert segment["length"] == lengths[segment["document"]]
                    else:
                        assert segment["offset"] % 97 == 0  # the cuts are multiples of 97


def test_documents_and_rows_are_shuffled_across_sources(run: Workspace) -> None:
    emit_all(run, Method.CONCATENATE, loss_mask=False)
    sources = [
        segment["source"]
        for row in run.read_table("shards/short/00000.parquet").to_pylist()
        for segment in row["segments"]
    ]
    changes = sum(first != second for first, second in pairwise(sources))
    assert changes > 0.3 * len(sources)


@pytest.mark.parametrize("method", list(Method))
def test_units_in_any_order_give_equal_bytes(tmp_path: Path, method: Method) -> None:
    digests = []
    for name in ("first", "second"):
        run = Workspace(str(tmp_path / name))
        parts = list(PARTS) if name == "first" else list(PARTS)[::-1]
        for part in parts:
            run.write_table(tokens_path(part), make_part(part, PARTS[part]))
        run.write_bytes(TOKENIZER, json.dumps({"special": {"<|endoftext|>": END}}).encode())
        emit_all(run, method, loss_mask=True)
        phases = [ShardPhase(name=phase.name, length=phase.length, rotary_base=1e4) for phase in PHASES]
        index = build_index(run, stage="mid", dtype=np.uint16, tokenizer={}, phases=phases)
        digests.append([(file.path, file.digest) for phase in index.phases for file in phase.files])
    assert digests[0] == digests[1]


def test_a_bucket_too_small_for_one_sequence_writes_no_shard(workspace: Workspace) -> None:
    table = make_part("code-00000", 1)
    workspace.write_table(tokens_path("code-00000"), table)
    workspace.write_bytes(TOKENIZER, json.dumps({"special": {"<|endoftext|>": END}}).encode())
    phases = [Phase(name="only", length=1 << 16, share=100)]
    mixture = Mixture(sources={"code": 1}, tokens=10_000)
    for unit in mix.histogram_units(["code-00000"], mixture, phases, seed=SEED):
        mix.HISTOGRAM_STEP.work(workspace, unit)
    (unit,) = mix.solve_units(mix.sum_units(["code-00000"])[1], mixture, phases)
    mix.SOLVE_STEP.work(workspace, unit)
    for unit in emit.scatter_units(["code-00000"], phases, [1], seed=SEED):
        emit.SCATTER_STEP.work(workspace, unit)
    (unit,) = emit.pack_units(
        emit.exchange_files(["code-00000"], phases), phases, [1], method=Method.CONCATENATE, seed=SEED
    )
    counts = emit.PACK_STEP.work(workspace, unit)
    assert counts["sequences"] == 0 and counts["dropped"] == list_lengths(table["tokens"])[0]
    assert workspace.list("shards", ".parquet") == []


def test_scarce_cells_are_told_in_as_few_words_as_say_it() -> None:
    cells = [
        *(Cell("code", "other", -1, length) for length in (256, 1024)),
        *(Cell("web", language, -1, length) for language in ("en", "zh") for length in (256, 1024, 0)),
    ]

    def told(*places: int) -> list[str]:
        return mix.describe_scarce(cells, {cells[place] for place in places}, longest=1024)

    assert told(0, 1) == ["code"]
    assert told(0) == ["code of at most 256 tokens"]
    assert told(0, 1, 5, 6, 7) == ["code", "zh web"]
    assert told(5, 6, 7) == ["zh web"]
    assert told(2, 7) == ["en web of at most 256 tokens", "zh web of more than 1,024 tokens"]
