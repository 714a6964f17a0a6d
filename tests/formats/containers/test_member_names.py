"""Names of members: patterns that names in any case fit."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.formats.containers.member_names import in_any_case


@pytest.mark.parametrize("pattern", ["*.htm", "*.Rmd", "[cC]hapter-[0-9]*.TXT", "[!a]?.md", "[[]1].tex", "Straße*"])
@given(name=st.text("ahHtTmMrRdDcC1-].[\u00dfsS/", max_size=12))
def test_a_name_fits_as_it_does_with_both_in_small_letters(pattern: str, name: str) -> None:
    (either,) = in_any_case([pattern])
    assert fnmatchcase(name, either) == fnmatchcase(name.lower(), pattern.lower())


@pytest.mark.parametrize("name", ["Page.HtM", "PAGE.HTM", "page.htm"])
def test_a_suffix_in_any_case_is_asked_for(name: str) -> None:
    assert fnmatchcase(name, in_any_case(["*.htm"])[0]) and not fnmatchcase(f"{name}l", in_any_case(["*.htm"])[0])
