"""A paper whose fonts have no map to Unicode is told from one in any language."""

from __future__ import annotations

import pytest

from winnow.formats.markup.pdf import is_readable

RUSSIAN = "Весной вода в реке поднимается и заливает нижние луга, а мельница стоит. " * 10
READABLE = [
    RUSSIAN,
    "Mùa xuân nước sông dâng lên và tràn vào những đồng cỏ thấp, người ta lùa gia súc lên đồi. " * 10,
    "Á vorin hækkar áin og flæðir yfir lágu engin, og fólkið rekur féð upp í hlíðina. " * 10,
    "Été, où, à, ça, là. " * 30,
    "春天的河水漫过了低处的草地。" * 20,
    "",
]


@pytest.mark.parametrize("text", READABLE)
def test_papers_in_any_language_are_readable(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize(
    "text", [RUSSIAN.encode("cp1251").decode("latin-1"), "\ue010\ue011\ue012 " * 50, "\ufffd\ufffd a " * 40]
)
def test_letters_that_no_font_map_tells_are_not(text: str) -> None:
    assert not is_readable(text)
