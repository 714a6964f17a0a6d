"""MinHash end to end: who stays, for any order and number of parts, and what is told about it."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from winnow.stages.deduplicate import exact, minhash
from winnow.stages.deduplicate.contender import Preference
from winnow.stages.deduplicate.exact import ExactSettings
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.run.drops import drops_of, surviving

STAGES = [exact.STAGE, minhash.STAGE]
SETTINGS = MinHashSettings(bands=30, rows=4, threshold=0.6, buckets=3)


def words(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [
        f"{generator.choice('bdfgklmnprst')}{generator.choice('aeiou')}{generator.randrange(26**3):05d}x".translate(
            str.maketrans("0123456789", "abcdefghij")
        )
        for _ in range(count)
    ]


def jaccard(left: str, right: str, shingle: int = 5) -> float:
    sets = []
    for text in (left, right):
        terms = text.split()
        sets.append({tuple(terms[at : at + shingle]) for at in range(len(terms) - shingle + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def variant(base: list[str], changes: int, seed: int) -> str:
    generator = random.Random(seed)
    changed = list(base)
    for at in generator.sample(range(len(base)), changes):
        changed[at] = f"changed{'abcdefghij'[at % 10] * (at // 10 + 1)}"
    return " ".join(changed)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found = []
    for cluster in range(6):
        base = words(300, cluster)
        found += [variant(base, changes, cluster * 10 + changes) for changes in (0, 2, 5, 12, 40)]
    return found


def dropped(workspace, parts):
    rows = []
    for part in parts:
        rows += workspace.read_table(f"drops/{minhash.STAGE}/{part}.parquet").to_pylist()
    return rows


def test_whoever_goes_reaches_the_threshold_with_a_survivor_and_no_two_survivors_do(workspace, lay_out, work, texts):
    parts = lay_out({"a-00000": texts[0::3], "a-00001": texts[1::3], "b-00000": texts[2::3]})
    counts = work(minhash.plan(parts, SETTINGS))
    text_of = {}
    for part in parts:
        table = workspace.read_table(f"documents/{part}.parquet")
        text_of.update(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    rows = dropped(workspace, parts)
    gone = {row["id"] for row in rows}
    assert counts["deduplicate.minhash.drop.dropped"] == len(gone) > 10
    for row in rows:
        survivor, similarity = row["value"].split()
        assert survivor not in gone
        assert float(similarity) == pytest.approx(jaccard(text_of[row["id"]], text_of[survivor]), abs=1e-4)
        assert float(similarity) >= SETTINGS.threshold
    stays = [text for identity, text in text_of.items() if identity not in gone]
    assert max(jaccard(left, right) for left, right in combinations(stays, 2)) < SETTINGS.threshold


def test_survivors_are_the_same_for_any_order_and_number_of_parts(workspace, lay_out, work, texts, tmp_path):
    from winnow.stages.run.workspace import Workspace

    def survivors(root: str, arrangement: dict[str, list[str]]) -> set[str]:
        import pyarrow as pa

        from winnow.stages.document import DOCUMENT, document_id

        place = Workspace(str(tmp_path / root))
        for part, chosen in arrangement.items():
            rows = [
                {"id": document_id("t", "", text), "text": text, "source": "t", "kind": "tables", "locator": part}
                for text in chosen
            ]
            place.write_table(f"documents/{part}.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
        for step, units in minhash.plan(list(arrangement), SETTINGS):
            for unit in reversed(units):
                step.work(place, unit)
        gone = {row["id"] for row in dropped(place, arrangement)}
        return {document_id("t", "", text) for text in texts} - gone

    shuffled = random.Random(3).sample(texts, len(texts))
    one = survivors("one", {"a-00000": texts})
    assert one == survivors("five", {f"z-{index:05d}": shuffled[index::5] for index in range(5)})
    assert len(one) < len(texts)


def test_the_preferred_document_stays(workspace, lay_out, work):
    import pyarrow as pa

    base = words(200, 1)
    parts = lay_out({"a-00000": [variant(base, 1, 1) + " and more", variant(base, 1, 2)]})
    workspace.write_table("attributes/a-00000.parquet", pa.table({"id": ["", ""], "score": [0.1, 0.9]}))
    work(minhash.plan(parts, SETTINGS))
    assert [row["row"] for row in dropped(workspace, parts)] == [1]  # the longer stays
    work(minhash.plan(parts, SETTINGS.model_copy(update={"preference": Preference(quality="score")})))
    assert [row["row"] for row in dropped(workspace, parts)] == [0]  # the better stays


def test_clusters_count_what_earlier_levels_dropped(workspace, lay_out, work):
    one, other, alone = variant(words(200, 1), 0, 1), variant(words(200, 1), 2, 2), variant(words(200, 9), 0, 1)
    parts = lay_out({"a-00000": [one, one, other, alone, alone, alone], "b-00000": [one, "nothing like it"]})
    work(exact.plan(parts, ExactSettings(buckets=2)))
    work(minhash.plan(parts, SETTINGS, earlier=[exact.STAGE]))
    sizes = {}
    for part in parts:
        stays = surviving(workspace, len(workspace.read_table(f"documents/{part}.parquet")), drops_of(part, STAGES))
        table = workspace.read_table(f"clusters/{minhash.STAGE}/{part}.parquet")["cluster_size"].to_numpy()
        sizes[part] = sorted(table[stays].tolist())
    assert sorted(sizes["a-00000"] + sizes["b-00000"]) == [1, 3, 4]
