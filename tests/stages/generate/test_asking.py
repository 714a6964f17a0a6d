"""A part asked by its unit alone: what is kept is not asked for again, whatever stopped the unit or changed since."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from tests.stages.generate.served import Answer, Body, error, good, serving
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.generate import server as server_module
from winnow.stages.generate.asking import ASK, ask_units
from winnow.stages.generate.settings import Generation, Server
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.unit import Away
from winnow.stages.run.workspace import Workspace

PART, ROWS = "web-00000", 7


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_PAUSE", 0.01)


@pytest.fixture
def part(workspace: Workspace) -> Workspace:
    rows = [
        {
            "id": document_id("web", str(row), "x"),
            "text": f"pear {row}",
            "source": "web",
            "kind": "tables",
            "locator": str(row),
        }
        for row in range(ROWS)
    ]
    workspace.write_table(f"documents/{PART}.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    dropping(workspace)
    return workspace


def dropping(workspace: Workspace, *rows: int) -> None:
    drops = [{"locator": "l", "source": "web", "stage": "decide", "rule": "r", "row": row} for row in rows]
    write_drops(workspace, "decide", PART, pa.Table.from_pylist(drops, schema=DROP))


def work(workspace: Workspace, url: str, **generate: Any) -> tuple[dict[str, Any], pa.Table]:
    given = {"server": "local", "model": "m", "recipe": "rephrase", "prompt": "Anew: {text}", "answers": 2, "tokens": 9}
    server = Server(url=url, tries=2, concurrency=3, timeout=5)
    (unit,) = ask_units([PART], Generation.model_validate({**given, **generate}), server, seed=3, stages=["decide"])
    counts = dict(ASK.work(workspace, unit))
    return counts, workspace.read_table(f"answers/{PART}.parquet")


def test_a_unit_that_was_stopped_asks_for_what_is_missing_and_writes_the_same_bytes(part: Workspace) -> None:
    answered: list[Body] = []

    def some(body: Body, tries: int) -> Answer:
        if len(answered) >= 5:
            return error(503, "down")
        answered.append(body)
        return good(body, tries)

    with serving(some) as served, pytest.raises(Away, match=r"HTTP 503 \(down\)"):
        work(part, served.url)
    assert not part.exists(f"answers/{PART}.parquet") and len(part.list("asked", ".json")) == len(answered)
    with serving() as served:
        counts, found = work(part, served.url)
        assert len(served.bodies) == 2 * ROWS - len(answered) and served.most_open <= 3
        whole = part.read_bytes(f"answers/{PART}.parquet")
        part.remove("asked")
        work(part, served.url)
    assert part.read_bytes(f"answers/{PART}.parquet") == whole and not part.list("asked", ".json")
    assert counts["requests"] == 2 * ROWS == found.num_rows and counts["replies"] == {"answered": 2 * ROWS}
    assert len(set(found["seed"].to_pylist())) == 2 * ROWS


def test_what_was_answered_serves_other_drops_and_more_answers(part: Workspace) -> None:
    with serving() as served:
        for drops, changes, new in (
            ((0, 1), {}, 2 * (ROWS - 2)),
            ((1,), {}, 2),
            ((1, 2), {"answers": 3}, ROWS - 2),
            ((1,), {"answers": 1}, 0),
            ((1,), {"tokens": 10}, 2 * (ROWS - 1)),
            ((1,), {"options": {"top_k": 5}}, 2 * (ROWS - 1)),
            ((), {}, 2),
        ):
            before = len(served.bodies)
            dropping(part, *drops)
            _, found = work(part, served.url, **changes)
            assert len(served.bodies) - before == new, (drops, changes)
            assert found.num_rows == (ROWS - len(drops)) * changes.get("answers", 2)


def test_what_is_too_long_or_has_no_prompt_is_not_sent(part: Workspace) -> None:
    with serving() as served:
        counts, _ = work(part, served.url, longest=11)
        assert counts["replies"] == {"too_long": ROWS} and counts["requests"] == 0
        counts, _ = work(part, served.url, recipe="rejection_sampling", prompt="", grade="consistency")
        assert counts["replies"] == {"no_prompt": ROWS} and not served.bodies


def test_a_rate_asks_about_a_share_that_grows_by_the_rest(part: Workspace) -> None:
    seen: list[set[str]] = []
    with serving() as served:
        for rate in (0.1, 0.5, 0.9, 1.0):
            _, found = work(part, served.url, rate=rate)
            seen.append(set(found["parent"].to_pylist()))
    assert all(few <= more for few, more in pairwise(seen)) and len(seen[-1]) == ROWS > len(seen[1]) > 0
