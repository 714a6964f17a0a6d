"""The report: what the history and the evaluation say stands on the page, as well-formed markup, the same each time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from winnow.trainer.history import History
from winnow.trainer.printing import say
from winnow.trainer.report import write_report

NOTES = [
    {
        "step": step,
        "phase": "length-32" if step < 6 else "length-64",
        "sequences": 4 * (step + 1),
        "tokens": 250,
        "tokens_per_second": 100 + step,
        "loss": 5.0 - step / 4,
        "loss_ahead": 6.0 - step / 4,
        **({"losses_ahead": [6.0 - step / 4, 6.5 - step / 4]} if step > 3 else {}),
        "sources": {"web": [5.0 - step / 4, 200], "code <x>": [4.0 - step / 4, 50 if step % 2 else 0]},
        "max_violation": [2.0, 1.0],
        "loads": [[4, 2, 1, 1], [3, 3, 1, 1]],
    }
    for step in range(12)
]
SCORE = {"tokens": 1234, "loss": 2.0, "perplexity": 7.389, "bits_per_byte": 1.234}
DRAFTS = [{"depth": 1, "drafts": 1200, "acceptance": 0.755}, {"depth": 2, "drafts": 1190, "acceptance": 0.5}]
EVALUATION = {
    "phases": {
        "length-32": {
            **SCORE,
            "sources": {"code <x>": {**SCORE, "tokens": 77}},
            "max_violation": [1.0],
            "drafts": DRAFTS,
        }
    },
    "qd": {
        "64": {"windows": 3, "targets": 48, "perplexity": 9.5, "base": 32, "base_perplexity": 9.31, "qd": 0.0204},
    },
}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    history = History(tmp_path / "steps.jsonl")
    for note in NOTES:
        history.append(note)
    return tmp_path


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    start = page.index("<table>", page.index(f"<h2>{heading}"))
    table = ElementTree.fromstring(page[start : page.index("</table>", start) + len("</table>")])
    return [["".join(cell.itertext()) for cell in row] for row in table]


def test_the_page_tells_the_run_and_its_evaluation(out: Path) -> None:
    (out / "evaluation.json").write_text(json.dumps(EVALUATION))
    page = write_report(out).read_text()
    assert "12 steps, 3,000 tokens, 48 sequences. Loss 5.000 → 2.250" in page
    assert "median 106 tokens a second" in page
    assert rows_of(page, "Held-out")[1:] == [
        ["length-32", "code <x>", "77", "7.39", "1.234"],
        ["length-32", "all", "1,234", "7.39", "1.234"],
    ]
    assert rows_of(page, "Drafts")[1:] == [["length-32", "1", "1,200", "75.5 %"], ["length-32", "2", "1,190", "50.0 %"]]
    assert rows_of(page, "Cost of length")[1] == ["64", "48", "9.50", "9.31 (32 tokens)", "+2.0 %"]


def test_each_chart_is_a_picture_with_the_curves_it_names(out: Path) -> None:
    page = write_report(out).read_text()
    pictures = [
        ElementTree.fromstring(part[: part.index("</svg>") + 6])
        for part in page.split("<svg")[1:]
        for part in [f"<svg{part}"]
    ]
    words = [" ".join(text for text in picture.itertext() if text.strip()) for picture in pictures]
    assert len(words) == 4
    for text, names in zip(
        words,
        (
            ("next token", "token after the next", "2 tokens after the next", "length-64"),
            ("web", "code <x>"),
            ("sparse layer 1", "sparse layer 2"),
            ("expert",),
        ),
        strict=True,
    ):
        assert all(name in text for name in names), text


def test_the_same_history_gives_the_same_bytes(out: Path) -> None:
    assert write_report(out).read_bytes() == write_report(out).read_bytes()


def test_a_run_without_steps_or_evaluation_says_so(tmp_path: Path) -> None:
    page = write_report(tmp_path).read_text()
    assert "No step was taken yet." in page and "<h2>Held-out" not in page and "<h2>Cost of length" not in page


EVIL = "_$\\frac</text><script>alert(1)</script>\x1b[2J\u202egpj.exe"


def test_hostile_names_are_text_on_the_page_and_on_a_terminal(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = History(out / "steps.jsonl")
    history.append({**NOTES[-1], "step": 12, "phase": EVIL, "sources": {EVIL: [1.0, 9], "web": [2.0, 9]}})
    score = {**SCORE, "sources": {EVIL: SCORE}, "max_violation": [1.0]}
    (out / "evaluation.json").write_text(json.dumps({"phases": {EVIL: score}, "qd": {}}))
    page = write_report(out).read_text()
    assert "<script" not in page and not {"\x1b", "\u202e"} & set(page)
    assert page.count("gpj.exe") >= 4, "the phase's mark, its row, the source's row and its line in the legend"
    say(EVIL)
    assert "gpj.exe" in (said := capsys.readouterr().out) and not {"\x1b", "\u202e"} & set(said)


def test_the_trainer_prints_nothing_past_it() -> None:
    sources = [path for path in (Path(__file__).parents[2] / "trainer").glob("*.py") if path.name != "printing.py"]
    assert [
        path.name for path in sources if re.search(r"click\.s?echo|(?<![.\w])print\(", path.read_text("utf-8"))
    ] == []
