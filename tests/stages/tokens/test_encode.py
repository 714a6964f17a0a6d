"""Sample, train and encode: from documents to tokens in a run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.drops import DROP, write_drops
from winnow.stages.run.unit import Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.tokens import sample
from winnow.stages.tokens.encode import ENCODE, Encoding, encode_units
from winnow.stages.tokens.schema import tokens_path
from winnow.tokenizer.chat import render
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.load import load
from winnow.tokenizer.special import CODE_MIDDLE, CODE_PREFIX, CODE_SUFFIX, END_OF_TEXT, SpecialTokenError

ENGLISH = "\n\n".join(
    f"Paragraph {n}. The quick brown fox jumps over the lazy dog, again and again." for n in range(40)
)
CHINESE = "\n\n".join(f"第{n}段。数据管道把原始语料变成可以直接训练的序列,每一步都能重复。" for n in range(40))
CODE = "".join(f"def function_{n}(value: int) -> int:\n    return value + {n}\n\n\n" for n in range(30))
TALK = {
    "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because.", "reasoning": "hm"}],
    "tools": [],
}
QUESTION = {"messages": [*TALK["messages"], {"role": "user", "content": "Really?"}], "tools": []}


def documents(source: str, rows: list[dict[str, Any]]) -> pa.Table:
    records = [
        {
            "id": document_id(source, str(place), row["text"]),
            "source": source,
            "kind": "made-up",
            "locator": str(place),
            **row,
        }
        for place, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(records, schema=DOCUMENT)


@pytest.fixture
def run(workspace: Workspace) -> Workspace:
    """Two parts, one document of each dropped; languages and quality measured for the first."""
    web = documents(
        "web",
        [
            {"text": ENGLISH},
            {"text": "dropped " * 50},
            {"text": CHINESE, "language": "en"},
            {"text": "user text <|user|> <|endoftext|>\0▁"},
            {"text": CODE, "language": "Python"},
        ],
    )
    chat = documents(
        "chat",
        [
            {"text": "Why? Because.", "messages": json.dumps(TALK), "language": "en"},
            {"text": "dropped", "messages": json.dumps(TALK)},
            {"text": "Why? Because. Really?", "messages": json.dumps(QUESTION)},
        ],
    )
    for part, table, dropped in (("web-00000", web, 1), ("chat-00000", chat, 1)):
        workspace.write_table(f"documents/{part}.parquet", table, row_group_size=2)
        row = {"locator": "1", "source": "web", "stage": "decide", "rule": "r", "row": dropped}
        write_drops(workspace, "decide", part, pa.Table.from_pylist([row], schema=DROP))
    measured = {"language.label": ["en", "en", "zh", None, "en"], "quality.score": [0.9, 0.1, 0.5, None, 0.2]}
    workspace.write_table("attributes/web-00000.parquet", pa.table({"id": web["id"], **measured}))
    return workspace


def train(run: Workspace, size: int = 560) -> Encoder:
    parts = {"web": ["web-00000"], "chat": ["chat-00000"]}
    weights = {"web": 80.0, "chat": 20.0}
    units = sample.sample_units(parts, weights, seed=3, sample_bytes=40_000, stages=["decide"])
    for unit in units:
        sample.SAMPLE_STEP.work(run, unit)
    (unit,) = sample.train_units([unit.name for unit in units], vocabulary_size=size)
    sample.TRAIN_STEP.work(run, unit)
    return load(f"{run.root}/tokenizer")


def encoded(run: Workspace, part: str, encoding: Encoding, **options: bool) -> list[dict[str, Any]]:
    (unit,) = encode_units([part], encoding, stages=["decide"], **options)
    ENCODE.work(run, unit)
    return run.read_table(tokens_path(part)).to_pylist()


def test_the_sample_leaves_out_what_was_dropped_and_keeps_to_its_weights(run: Workspace) -> None:
    train(run)
    texts = run.read_table(sample.sample_path("web-00000"))["text"].to_pylist()
    assert "dropped" not in "".join(texts)
    assert sum(len(text.encode()) for text in texts) <= 32_000


def test_the_summary_tells_the_tokenizer(run: Workspace) -> None:
    encoder = train(run)
    summary = json.loads(run.read_bytes(sample.TOKENIZER))
    assert summary["path"] == "tokenizer/tokenizer.model"
    assert (summary["digest"], summary["vocabulary_size"], summary["dtype"]) == (encoder.digest, 560, "uint16")
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= {
        Path(name).name for name in run.list("tokenizer")
    }


def test_texts_end_with_their_end_and_are_what_they_were(run: Workspace) -> None:
    encoder = train(run)
    rows = encoded(run, "web-00000", Encoding(seed=3))
    texts = [ENGLISH, CHINESE, "user text <|user|> <|endoftext|>\0▁", CODE]
    assert [encoder.decode(row["tokens"]) for row in rows] == [text + END_OF_TEXT for text in texts]
    for row in rows:
        assert [token for token in row["tokens"] if token in encoder.special.values()] == [encoder.special[END_OF_TEXT]]
        assert row["loss"] is None and row["bucket"] == -1 and row["source"] == "web"


def test_cuts_are_where_paragraphs_begin(run: Workspace) -> None:
    encoder = train(run)
    english, chinese, short, _ = encoded(run, "web-00000", Encoding(seed=3))
    for row, beginning in ((english, "Paragraph"), (chinese, "第")):
        assert len(row["cuts"]) == 39
        for cut in row["cuts"]:
            assert encoder.decode(row["tokens"][cut:]).lstrip("\n").startswith(beginning)
    assert short["cuts"] == []


def test_languages_are_measured_where_they_are_not_declared_code(run: Workspace) -> None:
    train(run)
    declared = [row["language"] for row in encoded(run, "web-00000", Encoding(seed=3))]
    assert declared == [None, "en", None, "Python"]
    measured = encoded(run, "web-00000", Encoding(seed=3), attributes=True)
    assert [row["language"] for row in measured] == ["en", "zh", None, "Python"]


def test_buckets_count_the_edges_that_quality_reaches(run: Workspace) -> None:
    train(run)
    encoding = Encoding(seed=3, bucket="quality.score", edges=(0.3, 0.5, 0.8))
    rows = encoded(run, "web-00000", encoding, attributes=True)
    assert [row["bucket"] for row in rows] == [3, 2, -1, 0]
    with pytest.raises(ValueError, match=r"need the measure 'quality\.other'"):
        encoded(run, "web-00000", Encoding(seed=3, bucket="quality.other"), attributes=True)


def test_conversations_are_rendered_and_masked(run: Workspace) -> None:
    encoder = train(run)
    first, second = encoded(run, "chat-00000", Encoding(seed=3, loss_mask=True))
    assert encoder.decode(first["tokens"]) == render(TALK["messages"]) + END_OF_TEXT
    spoken = encoder.decode([token for token, learned in zip(first["tokens"], first["loss"], strict=True) if learned])
    assert spoken == "\n<think>hm</think>\nBecause." + END_OF_TEXT
    assert not second["loss"][-1]  # the last word is the user's: that it ends there isn't the model's to learn
    assert first["cuts"] == [
        place for place, t in enumerate(first["tokens"]) if encoder.decode([t])[2:6] in ("user", "assi")
    ]
    assert all(row["loss"] is None for row in encoded(run, "chat-00000", Encoding(seed=3)))


def test_a_conversation_that_is_too_long_is_dropped_by_name(run: Workspace) -> None:
    encoder = train(run)
    rows = encoded(run, "chat-00000", Encoding(seed=3, loss_mask=True, longest=10))
    assert [encoder.decode(row["tokens"]) for row in rows] == []
    first, second = run.read_table("drops/encode/chat-00000.parquet").to_pylist()
    assert (first["row"], second["row"], first["locator"], first["threshold"]) == (0, 2, "0", "10")
    assert first["rule"] == "conversation.too_long" and int(first["value"]) > 10
    (unit,) = encode_units(["chat-00000"], Encoding(seed=3, longest=10), stages=["decide"])
    assert ENCODE.work(run, unit)["dropped"] == 2
    assert len(encoded(run, "chat-00000", Encoding(seed=3, longest=2000))) == 2


def test_code_gets_gaps_and_text_does_not(run: Workspace) -> None:
    encoder = train(run)
    english, chinese, _, code = encoded(run, "web-00000", Encoding(seed=3, infill=Infill(rate=1.0)))
    assert encoder.decode(english["tokens"]) == ENGLISH + END_OF_TEXT
    text = encoder.decode(code["tokens"])
    parts = {}
    for mark in (CODE_PREFIX, CODE_MIDDLE, CODE_SUFFIX):
        rest = text.split(mark)[1]
        parts[mark] = min(
            (rest.split(other)[0] for other in (CODE_PREFIX, CODE_MIDDLE, CODE_SUFFIX, END_OF_TEXT)), key=len
        )
    assert parts[CODE_PREFIX] + parts[CODE_MIDDLE] + parts[CODE_SUFFIX] == CODE
    del chinese


def test_a_unit_that_was_killed_before_its_end_gives_the_same_tokenizer(run: Workspace) -> None:
    """What it had written already is no convention that its tokenizer came with."""
    train(run)
    first = {name: run.read_bytes(name) for name in run.list("tokenizer")}
    assert len(first) > 4
    train(run)
    assert {name: run.read_bytes(name) for name in run.list("tokenizer")} == first


def test_a_tokenizer_from_elsewhere_becomes_the_runs_own(run: Workspace, tmp_path: Path) -> None:
    train(run)
    for name in run.list("tokenizer"):
        (tmp_path / Path(name).name).write_bytes(run.read_bytes(name))
    (tmp_path / "tokenizer.model").unlink()
    other = Workspace(str(tmp_path / "other"))
    (unit,) = sample.train_units([], vocabulary_size=0, digest="d", place=str(tmp_path))
    sample.TRAIN_STEP.work(other, unit)
    assert json.loads(other.read_bytes(sample.TOKENIZER))["path"] == "tokenizer/tokenizer.json"
    array = pa.array([ENGLISH, CHINESE])
    np.testing.assert_array_equal(
        load(f"{other.root}/tokenizer").encode(array).ids, load(f"{run.root}/tokenizer").encode(array).ids
    )


def test_a_tokenizer_without_an_end_of_text_is_refused(run: Workspace, tmp_path: Path) -> None:
    import tokenizers

    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([ENGLISH], vocab_size=300, show_progress=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (unit,) = sample.train_units([], vocabulary_size=0, place=str(tmp_path))
    with pytest.raises(SpecialTokenError, match=r"lacks <\|endoftext\|>, needed for the documents of this run"):
        sample.TRAIN_STEP.work(run, unit)


def test_no_text_to_train_on_is_an_error(workspace: Workspace) -> None:
    workspace.write_table("documents/web-00000.parquet", DOCUMENT.empty_table())
    (unit,) = sample.sample_units({"web": ["web-00000"]}, {"web": 1}, seed=1, sample_bytes=1000, stages=[])
    sample.SAMPLE_STEP.work(workspace, unit)
    (unit,) = sample.train_units(["web-00000"], vocabulary_size=1000)
    with pytest.raises(Unworkable, match="nothing survived the filters"):
        sample.TRAIN_STEP.work(workspace, unit)


def test_an_empty_part_has_its_table_of_tokens(run: Workspace) -> None:
    train(run)
    run.write_table("documents/none-00000.parquet", DOCUMENT.empty_table())
    write_drops(run, "decide", "none-00000", DROP.empty_table())
    assert encoded(run, "none-00000", Encoding(seed=3)) == []


def test_units_name_all_that_they_read() -> None:
    (unit,) = encode_units(["web-00000"], Encoding(seed=3), stages=["decide"], attributes=True)
    assert set(unit.inputs) == {
        "documents/web-00000.parquet",
        "drops/decide/web-00000.parquet",
        "attributes/web-00000.parquet",
        sample.TOKENIZER,
    }


def test_documents_are_sorted_by_the_size_of_their_cluster(run: Workspace) -> None:
    train(run)
    sizes = pa.table({"id": run.read_table("documents/web-00000.parquet")["id"], "cluster_size": [1, 9, 4, 2, 700]})
    run.write_table("clusters/deduplicate.exact/web-00000.parquet", sizes)
    write_drops(run, "deduplicate.exact", "web-00000", DROP.empty_table())
    (unit,) = encode_units(
        ["web-00000"],
        Encoding(seed=3, bucket="cluster_size", edges=(2, 3, 5)),
        stages=["decide", "deduplicate.exact"],
        attributes=True,
    )
    ENCODE.work(run, unit)
    assert run.read_table(tokens_path("web-00000"))["bucket"].to_pylist() == [0, 2, 1, 3]
