"""Files that are cut, flipped or in another encoding than they say: every reader ends, and each file leaves a trace.

`make fuzz` does this for as long as one likes; what it has found lies here as tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.reading import read
from tests.fuzz.sound import SOUND

BLANK = ("book.pdf",)


@pytest.mark.parametrize("name", [name for name in SOUND if name not in BLANK])
def test_sound_files_are_documents(tmp_path: Path, name: str) -> None:
    kind, content = SOUND[name]
    (tmp_path / name).write_bytes(content)
    documents, _ = read(tmp_path / name, kind)
    assert documents


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_documents_or_rejections(tmp_path: Path, name: str, data: st.DataObject) -> None:
    kind, sound = SOUND[name]
    content = bytearray(sound)
    harm = data.draw(st.sampled_from(["cut", "flip", "utf-16", "latin-1"]))
    if harm == "cut":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    elif harm == "flip":
        for _ in range(data.draw(st.integers(1, 9))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    else:
        content = bytearray(sound.decode("utf-8", "replace").encode(harm, "replace"))
    (tmp_path / name).write_bytes(content)
    documents, rejections = read(tmp_path / name, kind)
    only_header = name == "texts.csv" and b"\n" not in content
    assert documents + rejections > 0 or not content or only_header
