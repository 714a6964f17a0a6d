"""A memory gives the same units, under the same numbers, however it is cut."""

from __future__ import annotations

import gzip
import itertools
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.formats.translations import memories
from winnow.formats.translations.lines import Text
from winnow.formats.translations.memories import memory_pairs, read_tmx

HEADS = ['<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4"><header srclang="en"/><body>', "<tmx>\n<body>\n"]
UNITS = [
    '<tu><tuv xml:lang="en"><seg>The mill {n} grinds.</seg></tuv><tuv xml:lang="zh"><seg>第{n}座磨坊在磨面。</seg></tuv></tu>',
    '\n<tu\n xml:id="same" creationid="{n}"><tuv xml:lang="en"><seg>Tut {n}</seg></tuv>\n<tuv xml:lang="zh"><seg>水{n}</seg></tuv></tu>\n',
    '<tu><tuv xml:lang="en"><seg>Only English {n}.</seg></tuv><tuv xml:lang="de"><seg>Nur Deutsch.</seg></tuv></tu>',
    "<tu></tu>",
    '<!--<tu id="{n}"><tuv xml:lang="en"><seg>Withdrawn</seg></tuv></tu>-->',
    "<!-- a note --> --> \n",
    '<tu><tuv xml:lang="en"><seg>How <![CDATA[<tu > and <!--]]> look</seg></tuv><tuv xml:lang="zh"><seg>如下{n}</seg></tuv></tu>',
]
NUMBERS = itertools.count()


def cut(text: Text, size: int, piece: int) -> list[tuple[str, str, str]]:
    bounds = [*range(0, size, piece), -1]
    pairs = [
        pair for start, stop in itertools.pairwise(bounds) for pair in memory_pairs(text, ("en", "zh"), start, stop)
    ]
    return [(pair.place, pair.source, pair.target) for pair in pairs]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "BLOCK", 50)
    monkeypatch.setattr(memories, "READ_BYTES", 16)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADS), st.lists(st.sampled_from(UNITS), max_size=12), st.integers(1, 400), st.data())
def test_any_cut_gives_every_unit_once(
    tmp_path: Path, head: str, units: list[str], piece: int, data: st.DataObject
) -> None:
    content = (head + "".join(unit.format(n=n) for n, unit in enumerate(units)) + "</body></tmx>").encode()
    whole = [(pair.place, pair.source, pair.target) for pair in read_tmx(BytesIO(content), "en", "zh")]
    assert len(whole) == sum(unit in (*UNITS[:2], UNITS[-1]) for unit in units)
    path = tmp_path / f"{next(NUMBERS)}.tmx"
    path.write_bytes(content)
    assert cut(Text(str(path)), len(content), piece) == whole


def test_a_memory_that_cannot_be_cut_is_read_by_its_first_piece(tmp_path: Path) -> None:
    prefixed = (HEADS[0] + UNITS[0].format(n=1) * 3 + "</body></tmx>").replace("<t", "<x:t").replace("</t", "</x:t")
    prefixed = (
        prefixed.replace("<x:tmx", '<x:tmx xmlns:x="urn:tmx"').replace("<tuv", "<x:tuv").replace("<seg", "<x:seg")
    )
    prefixed = (
        prefixed.replace("</seg", "</x:seg")
        .replace("<header", "<x:header")
        .replace("body>", "x:body>")
        .replace("</x:x:", "</x:")
    )
    for name, content in {
        "utf-16": (HEADS[1] + UNITS[0].format(n=1) * 3 + "</body></tmx>").encode("utf-16"),
        "prefix": prefixed.replace("<x:x:", "<x:").replace("<x:body", "<x:body").encode(),
    }.items():
        path = tmp_path / f"{name}.tmx"
        path.write_bytes(content)
        assert [place for place, _, _ in cut(Text(str(path)), len(content), 100)] == ["0", "1", "2"], name


BAD = {
    "tags": "<tu><tuv></tu>",
    "ampersand": "<tu><tuv>R&D</tuv></tu>",
    "sign": "<tu>&#x1F;</tu>",
    "control": "<tu>\x0b</tu>",
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_unit_that_is_no_xml_costs_itself_alone_wherever_a_memory_is_cut(tmp_path: Path, bad: str, pack: Any) -> None:
    units = [UNITS[0].format(n=n) for n in range(30)]
    units[10] = units[11] = units[29] = BAD[bad]
    content = pack((HEADS[0] + "".join(units) + "</body></tmx>").encode())
    path = tmp_path / "m.tmx"
    path.write_bytes(content)
    told: list[str] = []
    found = [
        pair.place
        for bounds in itertools.pairwise([*range(0, len(content), 600), -1])
        for pair in memory_pairs(Text(str(path)), ("en", "zh"), *bounds, lambda place, *_: told.append(place), "m")
    ]
    assert found == [str(n) for n in range(30) if n not in (10, 11, 29)]
    assert told == ["m#10", "m#11", "m#29"]
