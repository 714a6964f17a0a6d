"""Decontamination end to end: items planted in documents are found, however they were formatted; clean ones stay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.stages.decontaminate import steps
from winnow.stages.decontaminate.review import review
from winnow.stages.decontaminate.settings import Altered, Benchmark, DecontaminationSettings
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.run.unit import canonical
from winnow.stages.run.workspace import Workspace

QUESTION = (
    "Ms. Okafor packs 16 jars of honey into every crate, and a lorry carries 245 crates; how many jars does the lorry "
    "bring to the market if nine of the crates fall off on the way?"
)
CHINESE = (
    "某工厂计划在三月份生产零件八百个，实际每天比计划多生产五个，结果提前四天完成任务，求原计划每天生产多少个零件。"
)
CODE = '''def rotate_rings(grid: list[list[int]], turns: int) -> list[list[int]]:
    """Rotate each ring of the grid."""
    result = [row[:] for row in grid]
    for depth in range(min(len(grid), len(grid[0])) // 2):
        ring = collect(grid, depth)
        place(result, depth, ring[turns % len(ring):] + ring[:turns % len(ring)])
    return result
'''
PADDING = "The weather over the northern coast stayed mild, and trains ran on time through most of the afternoon. "


@pytest.fixture
def settings(tmp_path: Path) -> DecontaminationSettings:
    prose, code = tmp_path / "prose.jsonl", tmp_path / "code.jsonl"
    items = [{"question": QUESTION, "answer": "3776"}, {"question": CHINESE, "answer": "20"}]
    prose.write_text("".join(json.dumps(item) + "\n" for item in items))
    code.write_text(json.dumps({"task": "rings", "prompt": CODE}) + "\n")
    return DecontaminationSettings(
        benchmarks=(
            Benchmark(name="prose", path=str(prose), answer="answer"),
            Benchmark(name="code", path=str(code), identifier="task", question="prompt", code=True),
        )
    )


def dropped_rows(workspace: Workspace, texts: list[str], settings: DecontaminationSettings) -> list[int]:
    rows = [
        {"id": document_id("t", str(at), text), "text": text, "source": "t", "kind": "web", "locator": str(at)}
        for at, text in enumerate(texts)
    ]
    workspace.write_table("documents/p-00000.parquet", pa.Table.from_pylist(rows, schema=DOCUMENT))
    for step, units in steps.plan(["p-00000"], settings):
        for unit in units:
            step.work(workspace, unit)
    return workspace.read_table("drops/decontaminate/p-00000.parquet")["row"].to_pylist()


def test_items_are_found_however_they_are_formatted(workspace, settings):
    full_width = str.maketrans("0123456789", "０１２３４５６７８９")
    planted = [
        QUESTION,
        QUESTION.upper().replace(",", " —").replace(";", "…"),
        "\n# ".join(QUESTION.split(" ")),
        QUESTION.translate(full_width),
        "<p>" + QUESTION.replace("honey", "<b>honey</b>").replace(" a ", "&nbsp;a<br/>") + "</p>",
        json.dumps(QUESTION.replace(", ", ",\n")),
        CHINESE,
        CHINESE.replace("，", "\n"),
        CHINESE.replace("八百", "８００").replace("五", "5"),
        CODE,
        CODE.replace("    ", "\t").replace(", ", ","),
        "".join(CODE.split()),
    ]
    texts = [PADDING * 5 + text + " " + PADDING * 5 for text in planted]
    found = dropped_rows(workspace, texts, settings)
    assert found == list(range(len(texts)))


TRADITIONAL = (
    "某工廠計劃在三月份生產零件八百個，實際每天比計劃多生產五個，結果提前四天完成任務，求原計劃每天生產多少個零件。"
)


def test_items_are_found_in_the_other_script_and_behind_escapes(workspace, settings):
    html = "".join(f"&#{ord(sign)};" for sign in CHINESE)
    hexadecimal = "".join(f"&#x{ord(sign):X};" if ord(sign) > 0x7F else sign for sign in CHINESE)
    accented = QUESTION.replace("e", "\\u00e9")  # é folds to e
    texts = [
        TRADITIONAL,
        json.dumps(CHINESE),
        json.dumps(TRADITIONAL).upper().replace("\\U", "\\u"),
        html,
        hexadecimal,
        accented,
    ]
    documents = [f"{PADDING}{text} {PADDING}" for text in texts]
    clean = [f"{PADDING * 3} \\u5c0f \\ud83d\\ude00 \\ud800 &#0; &#9999999; &#x110000; \\usepackage &amp;"]
    assert dropped_rows(workspace, documents + clean, settings) == list(range(len(documents)))


def test_parts_of_items_and_garbled_ones_are_found(workspace, settings):
    words = QUESTION.split()
    texts = [
        " ".join(words[: len(words) * 3 // 5]),
        " ".join(words[len(words) // 2 :]),
        CHINESE[: len(CHINESE) * 3 // 5],
        " ".join(word[1:] if at % 7 == 3 else word for at, word in enumerate(words)),
        " ".join(word for at, word in enumerate(words) if at % 8 != 5),
        "".join("某" if at % 12 == 5 else sign for at, sign in enumerate(CHINESE)),
    ]
    documents = [f"{PADDING * 3}{text} {PADDING}" for text in texts]
    assert dropped_rows(workspace, documents, settings) == list(range(len(documents)))


RENUMBERED = QUESTION.replace("16", "1,250").replace("245", "7.5")
FEWER = CHINESE.replace("八百", "两千六百四十").replace("五个", "12个").replace("四天", "十一天").replace("三月", "9月")


def test_items_with_other_numbers_are_a_kind_of_their_own(workspace, settings):
    texts = [PADDING + text + PADDING for text in (RENUMBERED, FEWER, QUESTION, CHINESE)]
    assert dropped_rows(workspace, texts, settings) == [0, 1, 2, 3]
    rules = workspace.read_table("drops/decontaminate/p-00000.parquet")["rule"].to_pylist()
    assert rules == ["prose.question.altered", "prose.question.altered", "prose.question", "prose.question"]
    hits = workspace.read_table("contamination/p-00000.parquet").to_pylist()
    assert [hit["altered"] for hit in hits] == [True, True, False, False]
    assert all(hit["overlap"] == 1.0 for hit in hits)

    (first, *_) = review(workspace)
    assert first.startswith("prose 0 question (prose, other numbers) · overlap 1.00")

    reported = settings.model_copy(update={"altered": Altered.REPORT})
    assert dropped_rows(workspace, texts, reported) == [2, 3]
    assert workspace.read_table("contamination/p-00000.parquet").num_rows == 4


def test_with_other_numbers_a_part_of_an_item_is_no_contamination(workspace, settings):
    half = RENUMBERED[: len(RENUMBERED) * 3 // 5]
    assert dropped_rows(workspace, [PADDING + half + PADDING], settings) == []


def test_numbers_across_windows_and_tables_of_numbers_cost_no_hit(workspace, tmp_path):
    path = tmp_path / "sums.jsonl"
    rows = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
    path.write_text(
        json.dumps({"question": f"Which of these rows of numbers adds up to more than the rest? {rows}"}) + "\n"
    )
    settings = DecontaminationSettings(benchmarks=(Benchmark(path=str(path)),))
    table = " ".join(map(str, range(40_000)))
    assert dropped_rows(workspace, [table, f"{table} Which of these rows of numbers is best? {table}"], settings) == []


def test_clean_documents_and_short_answers_stay(workspace, settings):
    texts = [
        PADDING * 10,
        "The answer is 3776. " * 10,
        "How many jars does the lorry bring? " + PADDING * 4,
        "某工厂计划在三月份生产更多零件。" * 3,
        "def rotate(grid: list[list[int]]) -> list[list[int]]:\n    return grid\n",
    ]
    assert dropped_rows(workspace, texts, settings) == []


INSTRUCTIONS = (
    "Read the passage below with care, choose the one statement that follows from it, write down the letter of your "
    "choice and nothing else, and remember that a wrong choice costs a quarter of a point in this part of the exam. "
)


def test_what_many_documents_share_is_no_contamination_though_most_of_an_item_is_made_of_it(workspace, tmp_path):
    own = "The ferry leaves at noon from the eastern pier unless the tide is out."
    path = tmp_path / "exam.jsonl"
    path.write_text(json.dumps({"question": INSTRUCTIONS + own}) + "\n")
    settings = DecontaminationSettings(benchmarks=(Benchmark(path=str(path)),))
    exams = [f"{INSTRUCTIONS}Statement {letter} is about {letter * 3}." + PADDING * 3 for letter in "abcdefghijklmnop"]
    assert dropped_rows(workspace, exams[:3], settings) == [0, 1, 2]  # few: who knows
    copies = [PADDING + INSTRUCTIONS + own, INSTRUCTIONS + own + PADDING]
    assert dropped_rows(workspace, [*exams, *copies, PADDING + own], settings) == [16, 17]


def test_damaged_copies_are_contamination_however_many_there_are(workspace, tmp_path):
    words = (INSTRUCTIONS + QUESTION).split()
    path = tmp_path / "exam.jsonl"
    path.write_text(json.dumps({"question": " ".join(words)}) + "\n")
    settings = DecontaminationSettings(benchmarks=(Benchmark(path=str(path)),))
    damaged = [" ".join([*words[:at], "damaged", *words[at + 1 :]]) + PADDING for at in range(12, 50)]
    assert dropped_rows(workspace, damaged, settings) == list(range(len(damaged)))


def test_a_hit_tells_item_overlap_and_span(workspace, settings):
    text = PADDING + QUESTION + PADDING
    assert dropped_rows(workspace, [text], settings) == [0]
    (hit,) = workspace.read_table("contamination/p-00000.parquet").to_pylist()
    assert (hit["benchmark"], hit["item"], hit["field"]) == ("prose", "0", "question")
    assert hit["overlap"] == 1.0
    assert text.encode()[hit["start"] : hit["end"]].decode() == QUESTION[:-1]


def test_benchmarks_at_another_place_are_the_same_unless_they_say_something_else(settings, tmp_path):
    def asked(folder: Path) -> object:
        moved = tuple(each.model_copy(update={"path": f"{folder}/{each.name}.jsonl"}) for each in settings.benchmarks)
        (unit,) = steps.index_units(settings.model_copy(update={"benchmarks": moved}))
        return canonical(unit.asked)

    elsewhere = tmp_path / "another" / "checkout"
    shutil.copytree(tmp_path, elsewhere, ignore=shutil.ignore_patterns("another"))
    assert asked(elsewhere) == asked(tmp_path) and str(tmp_path) not in json.dumps(asked(tmp_path))
    with (elsewhere / "prose.jsonl").open("a") as stream:
        stream.write(json.dumps({"question": CHINESE, "answer": "21"}) + "\n")
    assert asked(elsewhere) != asked(tmp_path)


def test_review_shows_item_and_span_side_by_side(workspace, settings):
    dropped_rows(workspace, [PADDING + CHINESE + PADDING], settings)
    (block,) = review(workspace)
    assert "prose 1 question (prose) · overlap 1.00 ≥ 0.45" in block
    left = "".join(line.split("│")[0].strip() for line in block.splitlines()[1:])
    right = "".join(line.split("│")[1].strip() for line in block.splitlines()[1:])
    assert left == CHINESE
    assert "⟦" + CHINESE[:-1] + "⟧" in right
