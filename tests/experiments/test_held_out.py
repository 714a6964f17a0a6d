"""What is held out: whole groups, the same of every arm, not too much of a source; rows hold what was cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from winnow.experiments.corpus import Documents
from winnow.experiments.held_out import LARGE, Piece, choose, laid_out
from winnow.experiments.pool import ALL, limits_of
from winnow.experiments.windows import windows_in
from winnow.stages.run.chance import draws
from winnow.stages.run.unit import Unworkable


def documents(sizes: dict[str, list[int]], groups: dict[str, str] | None = None) -> Documents:
    ids = [f"{source}-{number}" for source, mine in sizes.items() for number in range(len(mine))]
    lengths = [size for mine in sizes.values() for size in mine]
    table = pa.table(
        {
            "id": ids,
            "source": [name.rpartition("-")[0] for name in ids],
            "language": pa.array([None] * len(ids), pa.string()),
            "bucket": pa.array([-1] * len(ids), pa.int8()),
        }
    )
    group = [(groups or {}).get(name, name) for name in ids]
    return Documents(table, np.array(lengths), np.zeros(len(ids), np.int64), group)


def test_enough_of_each_source_is_held_out_and_never_more_than_a_tenth() -> None:
    found = documents({"web": [100] * 200, "books": [1000] * 300})
    taken, excluded = choose(found, tokens=3000, length=64, seed=1)
    assert sum(taken["web"].values()) == 2000  # a tenth of the 20,000 that are there
    assert sum(taken["books"].values()) == pytest.approx(3000, abs=750)
    assert all(size <= 750 for size in taken["books"].values())
    assert len([name for name in excluded if name.startswith("web")]) == 20


def test_a_repository_is_excluded_as_a_whole() -> None:
    groups = {f"code-{number}": f"repository {number // 5}" for number in range(200)}
    _, excluded = choose(documents({"code": [100] * 200}, groups), tokens=1000, length=64, seed=0)
    touched = {groups[name] for name in excluded}
    assert excluded == {name for name, group in groups.items() if group in touched}


def test_a_large_group_is_spared_while_there_are_others_and_a_single_one_is_refused() -> None:
    found = documents({"books": [100_000, *[900] * 100]})
    for seed in range(20):
        _, excluded = choose(found, tokens=2000, length=64, seed=seed)
        assert "books-0" not in excluded and LARGE < 0.5
    with pytest.raises(Unworkable, match="books nothing can be held out"):
        choose(documents({"books": [5000]}), tokens=100, length=64, seed=0)


def test_arms_that_share_documents_hold_out_the_same() -> None:
    one = documents({"web": [100] * 300})
    other = documents({"web": [100] * 260})
    _, first = choose(one, tokens=1500, length=64, seed=3)
    _, second = choose(other, tokens=1500, length=64, seed=3)
    shared = first & {f"web-{number}" for number in range(260)}
    assert len(shared & second) >= 10
    assert shared <= second or second <= shared  # the same order of draws, which one follows farther


def test_cells_are_thinned_to_their_share_by_the_draws_of_windows() -> None:
    found = documents({"web": [300] * 100, "books": [5000] * 20})
    excluded = frozenset({"web-3", "books-1"})
    limits = limits_of(found, excluded, share=0.2, length=64, seed=5)
    for source, whole in (("web", 30_000), ("books", 100_000)):
        limit = next(value for name, value in limits.items() if source in name)
        kept = [row for row in range(len(found.lengths)) if found.table["source"][row].as_py() == source]
        kept = [row for row in kept if found.table["id"][row].as_py() not in excluded]
        windows = windows_in(found.table["id"].take(pa.array(kept)), found.lengths[kept], 64)
        drawn = windows.size[draws(windows.ids, 5, "pool") <= np.uint64(limit)].sum()
        assert 0.2 * whole <= drawn < 0.2 * whole + 64
    assert set(limits_of(found, excluded, share=1.0, length=64, seed=5).values()) == {ALL}


def test_rows_hold_the_pieces_and_their_masks_and_cut_none() -> None:
    random = np.random.default_rng(0)
    pieces = [
        Piece(f"d{number}", random.integers(1, 99, size).astype(np.uint16), random.random(size) < 0.5)
        for number, size in enumerate([10, 30, 32, 5, 5, 20, 7])
    ]
    rows = list(laid_out("web", pieces, 32, np.dtype(np.uint16), mask=True))
    found = []
    for row in rows:
        for segment in row.segments.to_pylist():
            inside = slice(segment["position"], segment["position"] + segment["length"])
            assert row.loss_mask is not None and segment["source"] == "web"
            found.append((segment["document"], row.input_ids[0, inside].tolist(), row.loss_mask[0, inside].tolist()))
    assert found == [(piece.document, piece.tokens.tolist(), piece.mask.tolist()) for piece in pieces]
    assert [len(row.segments) for row in rows] == [1, 1, 1, 3, 1]
