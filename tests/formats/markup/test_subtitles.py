"""Of subtitles the words that are said are kept, and all of them, by whatever program they were written."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.markup.subtitles import is_subtitles, spoken

LINES = [
    "The mill stood by the river,",
    "and it turned day and night.",
    "1984",
    "- Who goes there?\n- I <3 it, said 3 of 4.",
    "水车转了一整天",
    "{\\i1}Louder!{\\i0} Much\\Nlouder & slower: 10:30.",
]
WORDS = re.sub(r"\{.*?\}", "", " ".join(LINES)).replace("\\N", " ").split()


def written(form: str, lines: list[str]) -> str:
    """A file of that form as pysubs2 writes it, a cue a line, each ten seconds behind the last."""
    made = pysubs2.SSAFile()
    for number, line in enumerate(lines):
        start = number * 10_000
        made.append(pysubs2.SSAEvent(start=start, end=start + 2_000, text=line.replace("\n", "\\N")))
    return made.to_string(form)


@pytest.mark.parametrize("form", ["srt", "vtt", "ass", "ssa"])
def test_what_pysubs2_writes_is_said_word_for_word(form: str) -> None:
    assert spoken(written(form, LINES), f"a.{form}").split() == WORDS  # type: ignore[union-attr]


PLAIN = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
SAID = st.lists(PLAIN, min_size=1, max_size=6).map(" ".join)


@settings(max_examples=60)
@given(st.lists(st.lists(SAID, min_size=1, max_size=3), min_size=1, max_size=8), st.sampled_from(["srt", "vtt", "sbv"]))
def test_what_webvtt_py_writes_is_said_word_for_word(cues: list[list[str]], form: str) -> None:
    made = webvtt.WebVTT(
        captions=[
            webvtt.Caption(f"00:00:{n * 5:02}.000", f"00:00:{n * 5 + 1:02}.500", lines) for n, lines in enumerate(cues)
        ]
    )
    stream = io.StringIO()
    made.write(stream, format=form) if form != "sbv" else stream.write(_sbv(made))
    words = [word for cue in cues for line in cue for word in line.split()]
    assert "".join(spoken(stream.getvalue(), f"a.{form}").split()) == "".join(words)  # type: ignore[union-attr]


def _sbv(made: Any) -> str:
    """SBV as YouTube gives it, which webvtt-py reads and doesn't write."""
    times = [(caption.start.removeprefix("0"), caption.end.removeprefix("0")) for caption in made]
    text = (
        "\n\n".join(f"{start},{end}\n{caption.text}" for (start, end), caption in zip(times, made, strict=True)) + "\n"
    )
    assert [caption.text for caption in webvtt.from_buffer(io.StringIO(text), format="sbv")] == [c.text for c in made]
    return text


def test_a_cue_that_goes_on_is_one_line_and_a_turn_is_another() -> None:
    cues = ["Of all the mills", "by the river,\nthis one is", "the oldest.", "- Is it?\n- It is.", "Yes."]
    text = "WEBVTT\n\nNOTE by hand\nof nobody\n\nSTYLE\n::cue {color: red}\n\n" + "\n\n".join(
        f"c{n}\n00:{n:02}.000 --> 00:{n:02}.900 align:start\n{cue}" for n, cue in enumerate(cues)
    )
    assert spoken(text, "a.vtt") == ("Of all the mills by the river, this one is the oldest.\n- Is it?\n- It is.\nYes.")


def test_a_speaker_is_named_where_the_speaker_changes() -> None:
    text = "WEBVTT\n\n" + "\n\n".join(
        f"00:{n:02}.000 --> 00:{n:02}.900\n<v.loud {who}>{said}</v>"
        for n, (who, said) in enumerate(
            [("Ada", "Who is"), ("Ada", "<i>there</i>?"), ("Ben", "I &amp; <c.red>Ada</c>.")]
        )
    )
    assert [caption.voice for caption in webvtt.from_string(text)] == ["Ada", "Ada", "Ben"]
    assert spoken(text, "a.vtt") == "Ada: Who is there?\nBen: I & Ada."


def test_captions_that_roll_say_each_line_once() -> None:
    """As YouTube writes what it has heard: the words with their times, then the line once more while the next is said."""
    lines = [f"line {name} goes" for name in "abcdef"]
    cues = [
        f"{before}\n{line.replace(' ', '<00:00:01.000><c> ')}</c>"
        for before, line in zip([" ", *lines], lines, strict=False)
    ]
    text = "WEBVTT\nKind: captions\n\n" + "\n\n".join(
        f"00:{n:02}.000 --> 00:{n:02}.990\n{cue}\n\n00:{n:02}.990 --> 00:{n + 1:02}.000\n{line}\n "
        for n, (cue, line) in enumerate(zip(cues, lines, strict=True))
    )
    assert spoken(text, "a.vtt") == " ".join(lines)
    repeated = written("srt", ["No.", "No.", "No.", "Yes, it is.", "I see."])
    assert spoken(repeated, "a.srt") == "No.\nNo.\nNo.\nYes, it is.\nI see."


def test_nothing_said_is_lost_where_a_file_is_odd() -> None:
    text = "By Ada\n1\n0:00:01,0-->0:00:02,5 X1:10 X2:20\nOne\n\nand on\n2\n00:00:03.000 --> 00:00:04.000\n\n3\n00:00:05,000 --> 00:00:06,000\nTwo\n"
    for ends in ("\n", "\r\n", "\r"):
        assert spoken(text.replace("\n", ends), "a.srt") == "By Ada\nOne and on\nTwo"
    assert spoken("Nothing here has a time.", "a.srt") is None


def test_a_text_file_holds_subtitles_if_it_begins_like_them() -> None:
    assert is_subtitles("a.txt", written("srt", LINES)) and is_subtitles("a.txt", "\ufeff" + written("vtt", LINES))
    for text in ("", "1\n2\n3\n", "We met at 00:00:01 --> and left.\n", "WEBVTT is a format.\n\nIt has cues.\n"):
        assert not is_subtitles("a.txt", text)


def test_subtitles_are_works_in_the_charset_that_they_were_written_in(tmp_path: Path, ingest: Any) -> None:
    russian = ["Съешь же ещё этих мягких французских булок,", "да выпей чаю."] * 4
    (tmp_path / "a.srt").write_bytes(written("srt", russian).encode("cp1251"))
    (tmp_path / "b.txt").write_bytes(written("srt", russian).encode("utf-16"))
    (tmp_path / "c.vtt").write_text("No cue.")
    (tmp_path / "d.ass").write_text(written("ass", LINES))
    documents, rejections = ingest(
        "longform", tmp_path, include=["*.srt", "*.txt", "*.vtt", "*.ass"], least_characters=1
    )
    texts = {row["locator"].rpartition("!")[2]: row["text"] for row in documents}
    assert texts["a.srt"] == texts["b.txt"] == "\n".join(russian)
    assert texts["d.ass"].split() == WORDS
    assert [(row["rule"], row["value"]) for row in rejections] == [("longform.subtitles", "nothing in it has a time")]


def test_what_stands_behind_an_empty_line_is_said_and_notes_and_names_of_cues_are_not() -> None:
    text = (
        "WEBVTT\n\n00:16.960 --> 00:20.600 line:79%\n\nThe miller saw it\non the bridge.\n\n00:21.000 --> 00:22.000\n\n"
        "NOTE nobody reads\nthis\n\n2\n00:23.000 --> 00:24.000\nWho is he?\n\n00:25.000 --> 00:26.000\n\nlast\n00:27.000 --> 00:28.000\nYes.\n"
    )
    assert spoken(text, "a.vtt") == "The miller saw it on the bridge.\nWho is he?\nYes."
