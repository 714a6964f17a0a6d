"""The viewer's pages over HTTP, on a real run: what they show agrees with the run's own tables, and texts are inert."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from starlette.testclient import TestClient

from tests.viewer.conftest import ADDED, HOSTILE, ITEM, REPEATED, read_rejections
from winnow.filters.training import read_labelled
from winnow.pipeline.configuration.manifest import Filter
from winnow.pipeline.record.funnel import read_funnel
from winnow.stages.decide import decide
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.workspace import Workspace
from winnow.viewer import records, sequences, sides
from winnow.viewer.asking import Question
from winnow.viewer.labels import Label, Labels
from winnow.viewer.marks import differences, why
from winnow.viewer.measures import BINS, bounds_of, histograms
from winnow.viewer.runs import Run
from winnow.viewer.search import answer
from winnow.viewer.thresholds import outcome
from winnow.viewer.words import build_index, find

TAG = re.compile(r"<[^>]+>")


def documents(run: Run) -> pa.Table:
    tables = [run.workspace.read_table(path) for path in run.workspace.list("documents", ".parquet")]
    return pa.concat_tables(tables)


def with_text(run: Run, words: str) -> str:
    """The id of the first document whose text holds the words."""
    table = documents(run)
    return str(table.filter(pc.match_substring(table["text"], words))["id"][0].as_py())


def links(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="(/[^"]*)"', page)]


def test_every_link_leads_to_a_page(client: TestClient) -> None:
    seen: set[str] = set()
    waiting, kinds = ["/"], Counter[str]()
    while waiting:
        address = waiting.pop(0)
        kind = "/".join(address.partition("?")[0].split("/")[:2])
        if address in seen or kinds[kind] >= 4:
            continue
        seen.add(address)
        kinds[kind] += 1
        answered = client.get(address)
        assert answered.status_code == 200, (address, TAG.sub("", answered.text))
        waiting += links(answered.text) if "text/html" in answered.headers["content-type"] else []
    assert {"/document", "/measures", "/duplicates", "/repositories", "/sequences", "/labels"} <= set(kinds)


def test_the_overview_counts_as_the_funnel_does(client: TestClient, run: Run) -> None:
    funnel = read_funnel(run.workspace)
    page = client.get("/").text
    assert f"<b>{funnel.documents:,}</b><span>documents" in page
    assert f"<b>{funnel.kept:,}</b><span>kept" in page
    for stage, rules in funnel.dropped.items():
        if stage != "ingest":
            assert all(rule in page for rule in rules)


def test_texts_are_shown_escaped_and_inert(client: TestClient, run: Run) -> None:
    answered = client.get(f"/document/{with_text(run, HOSTILE[:20])}")
    assert "&lt;script&gt;alert" in answered.text
    assert not re.search(r"<script(?! src=\"/static/)", answered.text)
    assert "onerror" not in re.sub(r"&lt;img.*?&gt;", "", answered.text)
    assert "\u202e" not in answered.text and "\x1b" not in answered.text
    policy = answered.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_only_this_machine_is_answered_and_only_this_page_may_label(client: TestClient, run: Run) -> None:
    assert client.get("/", headers={"host": "example.org"}).status_code == 400
    form = {"id": with_text(run, ITEM), "label": "bad"}
    for origin in ("https://example.org", "null"):
        assert client.post("/labels", data=form, headers={"origin": origin}).status_code == 403
    assert client.get("/").headers["referrer-policy"] == "same-origin"  # or a browser's own forms come from null


def test_what_is_asked_for_is_what_is_found(run: Run) -> None:
    table = documents(run).select(["id", "source", "text", "url"])
    drops = read_rejections(run.workspace)
    dropped = {entry["id"]: entry for entry in drops.to_dicts() if entry["id"]}
    ids = table["id"].to_pylist()
    assert answer(run, Question()).count == len(ids)
    assert answer(run, Question(fate="kept")).count == len(set(ids) - set(dropped))
    stage, rule = next((entry["stage"], entry["rule"]) for entry in dropped.values())
    expected = sorted(key for key, entry in dropped.items() if (entry["stage"], entry["rule"]) == (stage, rule))
    found = answer(run, Question(rule=f"{stage}: {rule}", seed=3))
    assert found.count == len(expected)
    assert {one.fields["id"] for one in found.found} <= set(expected)
    assert [one.fields["id"] for one in answer(run, Question(id=ids[5][:14])).found] == [ids[5]]
    prose = sum(source == "prose" for source in table["source"].to_pylist())
    assert answer(run, Question(source="prose")).count == prose
    assert answer(run, Question(address="example.org/3")).count == sum(
        "example.org/3" in (url or "") for url in table["url"].to_pylist()
    )


def test_a_measure_finds_what_lies_between(run: Run) -> None:
    tables = [run.workspace.read_table(path) for path in run.workspace.list("attributes", ".parquet")]
    values = np.concatenate(
        [
            np.asarray(table["words.non_symbol_count"], float)
            for table in tables
            if "words.non_symbol_count" in table.column_names
        ]
    )
    found = answer(run, Question(measure="words.non_symbol_count", minimum=50, maximum=90))
    assert found.count == int(((values >= 50) & (values <= 90)).sum()) > 0


@pytest.mark.parametrize("indexed", [False, True])
def test_words_are_found_in_any_script(
    run: Run, indexed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if indexed:
        build_index(run)
    for asked, needle in (
        ("golden pears", "golden pears"),
        ("数学", "数学"),
        ('"never miss a single offer"', REPEATED),
    ):
        hits = find(run, asked)
        assert hits.indexed is indexed
        texts = [fields["text"] for fields in records.rows(run, hits.places, ["text"])]
        assert texts and all(needle in text for text in texts)
    assert not find(run, "pears xylophone").places


def test_a_histogram_counts_every_document_once(run: Run) -> None:
    found = histograms(run, "words.non_symbol_count")
    prose = sum(part.rows for part in run.parts if part.source == "prose")
    counted = {histogram.source: sum(histogram.counts) for histogram in found}
    assert counted["prose"] == prose
    assert all(len(histogram.counts) == BINS for histogram in found)
    assert [bound.name for histogram in found if histogram.source == "prose" for bound in histogram.bounds] == [
        "gopher_quality.words"
    ]


@pytest.mark.parametrize(("minimum", "maximum"), [(80.0, None), (5.0, 100_000.0), (30.0, 60.0), (None, None)])
def test_another_threshold_is_decided_as_a_run_would(run: Run, minimum: float | None, maximum: float | None) -> None:
    key = next(bound.key for bound in bounds_of(run, "words.non_symbol_count"))
    found = outcome(run, key, minimum, maximum)
    entry = Filter.model_validate(yaml.safe_load(found.line)[0])
    assert run.manifest is not None
    filters = list(run.manifest.filters)
    filters[found.bound.filter] = entry
    passed = 0
    for part in run.parts:
        table = run.workspace.read_table(f"attributes/{part.name}.parquet")
        applications = [each.application() for each in filters if each.concerns(part.source, part.kind, None)]
        passed += table.num_rows - decide(table, applications).num_rows
    assert found.would_pass == passed
    assert found.out.documents + found.back.documents > 0


def test_the_page_of_a_measure_decides_anew(client: TestClient, run: Run) -> None:
    key = next(bound.key for bound in bounds_of(run, "words.non_symbol_count"))
    page = client.get("/what-if", params={"rule": key, "minimum": "80", "maximum": ""}).text
    assert "documents fall out" in page and "gopher_quality" in page and "minimum: 80" in page
    assert client.get("/what-if", params={"rule": "99.words"}).status_code == 404


def test_the_lines_that_made_a_rule_fire_are_marked(run: Run) -> None:
    identity = with_text(run, REPEATED)
    part, row = run.locate(identity)
    drop = records.drop(run, part, row)
    assert drop is not None and drop["rule"].startswith("gopher_repetition")
    told = why(run, records.record(run, part, row), drop["rule"])
    marked = [span.text.strip() for span in told.spans if span.marks]
    assert marked and set(marked) == {REPEATED}
    assert "".join(span.text for span in told.spans) == records.record(run, part, row)["text"]


def test_near_duplicates_stand_side_by_side(client: TestClient, run: Run) -> None:
    planted = with_text(run, ADDED)
    drop = records.drop(run, *run.locate(planted))
    survivor = drop["value"][:32] if drop else planted
    assert f"/duplicates/{survivor}" in client.get("/duplicates").text
    page = client.get(f"/duplicates/{survivor}").text
    marked = "".join(re.findall(r'<mark class="only[^>]*>([^<]*)', page))
    assert "One" in marked and "sentence" in marked
    assert ADDED in TAG.sub("", page)


def test_differences_give_both_texts_back() -> None:
    left, right = "the quick brown fox", "the slow brown foxes run"
    ours, theirs = differences(left, right)
    assert "".join(span.text for span in ours.spans) == left
    assert "".join(span.text for span in theirs.spans) == right
    assert [span.text for span in ours.spans if span.marks] == ["quick", "fox"]


def test_a_benchmark_hit_stands_beside_the_item(client: TestClient) -> None:
    page = client.get("/benchmarks").text
    assert ITEM in page
    marked = re.findall(r'<mark class="why why-3">([^<]*)', page)
    assert len(marked) == 1 and "golden pears does the third orchard of the old monastery" in marked[0]


def test_a_token_leads_to_its_document_and_back(client: TestClient, run: Run) -> None:
    assert run.index is not None and run.encoder is not None
    for phase in run.index.phases:
        file = phase.files[0].path
        row = sequences.read_row(run, file, 0, 0)
        shown = "".join(token.text for part in row.stretches for token in part.tokens if part.segment)
        assert shown.strip()
        for segment in row.segments:
            token = segment["position"] + segment["length"] // 2
            answered = client.get(f"/sequences/0/{token}/{file}", follow_redirects=False)
            if answered.status_code == 404:
                continue  # between the files of a repository
            identity = answered.headers["location"].split("/")[2].partition("?")[0]
            places = sequences.occurrences(run, identity)
            assert (file, 0) in {(place.file, place.row) for place in places}


def test_the_words_of_a_row_are_those_of_its_documents(run: Run) -> None:
    assert run.index is not None
    file = run.index.phases[0].files[0].path
    for stretch in sequences.read_row(run, file, 0, 0).stretches:
        if stretch.segment is None or stretch.segment["source"] != "prose":
            continue
        text = records.record(run, *run.locate(stretch.segment["document"]), ["text"])["text"]
        shown = "".join(token.text for token in stretch.tokens if not token.special)
        assert shown.strip()[:40] in text


def test_what_a_conversation_teaches_is_marked(client: TestClient, run: Run) -> None:
    found = answer(run, Question(source="talks", fate="kept")).found[0]
    page = client.get(f"/document/{found.fields['id']}").text
    assert 'class="turn user"' in page and 'class="turn assistant learned"' in page


def test_labels_are_kept_and_make_a_training_file(client: TestClient, run: Run, tmp_path: Path) -> None:
    kept = answer(run, Question(fate="kept", source="prose")).found[0].fields["id"]
    repeated = with_text(run, REPEATED)
    for identity, label in ((kept, "good"), (repeated, "good"), (repeated, "bad")):
        answered = client.post("/labels", data={"id": identity, "label": label, "rule": ""}, follow_redirects=False)
        assert answered.status_code == 303
    assert Labels(str(tmp_path / "labels.jsonl")).given == {kept: Label.GOOD, repeated: Label.BAD}
    target = tmp_path / "training.jsonl"
    target.write_bytes(client.get("/labels/training.jsonl").content)
    table = read_labelled([str(target)])
    assert sorted(table["label"].to_pylist()) == ["bad", "good"]
    precisions = {found.rule: found.share for found in Labels(str(tmp_path / "labels.jsonl")).precisions(run)}
    assert precisions[""] == 1.0 and all(share == 1.0 for share in precisions.values())
    assert client.post("/labels", data={"id": "0" * 32, "label": "good"}).status_code == 404


def test_a_file_that_holds_no_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"id": "a", "label": "fine"}\n')
    with pytest.raises(ValueError, match=r"labels.jsonl:1: is no label"):
        Labels(str(tmp_path / "labels.jsonl"))


FATES = [{"a": None, "b": "one", "c": "one"}, {"a": None, "b": "two", "c": None}]


def test_two_runs_tell_what_changed_sides(tmp_path: Path) -> None:
    """Fates written by hand: `a` kept in both, `b` dropped by another rule, `c` comes back, `d` only in the second."""
    fates = [FATES[0], {**FATES[1], "d": None}]
    runs = [made_by_hand(tmp_path / str(number), fate) for number, fate in enumerate(fates)]
    assert moved(*runs) == {
        ("decide: one", "decide: two"): (1, ("b" * 32,)),
        ("decide: one", "kept"): (1, ("c" * 32,)),
        ("not there", "kept"): (1, ("d" * 32,)),
    }


def test_two_runs_of_the_same_inputs_tell_the_same_by_their_places(tmp_path: Path) -> None:
    runs = [made_by_hand(tmp_path / str(number), fate, lock="the same") for number, fate in enumerate(FATES)]
    without = [made_by_hand(tmp_path / f"without-{number}", fate) for number, fate in enumerate(FATES)]
    assert (
        moved(*runs)
        == moved(*without)
        == {
            ("decide: one", "decide: two"): (1, ("b" * 32,)),
            ("decide: one", "kept"): (1, ("c" * 32,)),
        }
    )


def test_two_folders_are_told_apart_by_their_last_names() -> None:
    assert sides.told_apart("/data/runs/mid", "/data/runs/sft") == ("mid", "sft")
    assert sides.told_apart("/data/runs/mid", "/data/strict/mid/") == ("runs/mid", "strict/mid")
    assert sides.told_apart("/runs/mid", "/runs/mid") == ("/runs/mid", "/runs/mid")


def moved(before: Run, after: Run) -> dict[tuple[str, str], tuple[int, tuple[str, ...]]]:
    return {(move.before, move.after): (move.documents, move.examples) for move in sides.moves(before, after)}


def made_by_hand(folder: Path, fates: dict[str, str | None], lock: str = "") -> Run:
    workspace = Workspace(str(folder))
    ids = [name * 32 for name in fates]
    columns = {name: ids if name == "id" else [name] * len(ids) for name in ("id", "text", "source", "kind", "locator")}
    optional = {name: pa.nulls(len(ids), pa.string()) for name in ("url", "title", "language", "path", "messages")}
    workspace.write_table("documents/part.parquet", pa.table({**columns, **optional}))
    rows = [
        {"id": name * 32, "locator": "l", "source": "s", "stage": "decide", "rule": rule, "row": row}
        for row, (name, rule) in enumerate(fates.items())
        if rule
    ]
    write_drops(workspace, "decide", "part", pa.Table.from_pylist(rows, schema=DROP))
    workspace.write_bytes("plan.json", json.dumps({"steps": ["ingest", "decide"]}).encode())
    if lock:
        workspace.write_bytes("lock.json", json.dumps({"steps": [{"step": "ingest", "digest": lock}]}).encode())
    return Run(str(folder))
