"""Balance: asked sums are met where they can be, what can't be is said, and the rest stays natural."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.mixing.balance import Solution, _Filling, balance
from winnow.stages.mixing.mixture import Cell, Mixture, MixtureError, Phase

ONE = [Phase(name="only", length=4096, share=100)]


def cell(source: str, language: str = "en", bucket: int = -1, length: int = 4096) -> Cell:
    return Cell(source, language, bucket, length)


def tokens(solution: Solution, cells: list[Cell], **wanted: object) -> float:
    rows = [place for place, c in enumerate(cells) if all(getattr(c, name) == value for name, value in wanted.items())]
    return float(solution.amounts[rows].sum())


def test_two_marginals_are_met_at_once() -> None:
    cells = [cell(source, language) for source in ("web", "books", "code") for language in ("en", "zh")]
    available = np.array([900, 300, 200, 400, 500, 20]) * 1e6
    mixture = Mixture(sources={"web": 50, "books": 30, "code": 20}, languages={"en": 65, "zh": 35}, tokens=600_000_000)
    solution = balance(cells, available, mixture, ONE)
    assert solution.unmet == []
    for source, share in mixture.source_shares().items():
        assert tokens(solution, cells, source=source) == pytest.approx(share * 6e8, rel=1e-4)
    for language, share in mixture.language_shares().items():
        assert tokens(solution, cells, language=language) == pytest.approx(share * 6e8, rel=1e-4)


def test_the_fit_is_the_maximum_entropy_solution() -> None:
    """With two marginals and no limit that binds, the odds ratio of the natural table is kept (Deming and Stephan)."""
    cells = [cell(source, language) for source in ("web", "books") for language in ("en", "zh")]
    available = np.array([800, 200, 300, 600]) * 1e6
    mixture = Mixture(sources={"web": 60, "books": 40}, languages={"en": 50, "zh": 50}, tokens=10_000_000)
    a, b, c, d = balance(cells, available, mixture, ONE).amounts.ravel()
    assert a * d / (b * c) == pytest.approx(800 * 600 / (200 * 300), rel=1e-3)


def test_without_a_budget_the_scarcest_source_decides() -> None:
    cells = [cell("web"), cell("books")]
    solution = balance(cells, np.array([1e9, 1e6]), Mixture(sources={"web": 75, "books": 25}, epochs=2), ONE)
    assert solution.tokens == pytest.approx(0.99 * 8e6, rel=1e-4)


def test_caps_of_sources_and_buckets_hold() -> None:
    cells = [cell("web", bucket=0), cell("web", bucket=1), cell("web", bucket=2), cell("books", bucket=2)]
    available = np.array([100.0, 100, 100, 100]) * 1e6
    mixture = Mixture(
        sources={"web": 70, "books": 30}, source_epochs={"books": 2}, bucket_epochs={0: 0, 2: 3}, tokens=int(600e6)
    )
    solution = balance(cells, available, mixture, ONE)
    assert solution.amounts[0, 0] == 0  # the lowest bucket is dropped
    assert solution.amounts[1, 0] <= 100e6 * 1.0001 and solution.amounts[2, 0] <= 300e6 * 1.0001
    assert tokens(solution, cells, source="web") == pytest.approx(400e6, rel=1e-3)  # all that its caps allow
    assert tokens(solution, cells, source="books") == pytest.approx(180e6, rel=1e-3)
    assert solution.unmet and "source web: asked 420,000,000 tokens, feasible 400,0" in " ".join(solution.unmet)


def test_the_smaller_of_two_caps_counts_and_a_special_one_goes_before_the_general() -> None:
    mixture = Mixture(
        sources={"web": 1, "books": 1}, epochs=3, source_epochs={"web": 2, "books": 8}, bucket_epochs={0: 0, 1: 5}
    )
    assert [mixture.cap("web", bucket) for bucket in (0, 1, 2)] == [0, 2, 2]
    assert [mixture.cap("books", bucket) for bucket in (0, 1, 2)] == [0, 5, 8]
    assert [mixture.cap("code", bucket) for bucket in (0, 1, 2)] == [0, 5, 3]


def test_what_no_mixture_can_meet_is_said_with_the_nearest() -> None:
    """Chinese stands only in a source of 10 %: of the 30 % asked, 10 can be reached, sources come first."""
    cells = [cell("web", "en"), cell("news", "zh")]
    mixture = Mixture(sources={"web": 90, "news": 10}, languages={"en": 70, "zh": 30})
    solution = balance(cells, np.array([1e9, 1e9]), mixture, ONE)
    assert tokens(solution, cells, source="news") / solution.tokens == pytest.approx(0.1, rel=1e-3)
    assert any(sentence.startswith("language zh: asked") for sentence in solution.unmet)


def test_the_scarce_cells_are_those_of_which_more_would_make_the_whole_larger() -> None:
    """Books are 40 % and the long phase 25 %, so that at least 15 % are short books: few, and all else follows."""
    phases = [Phase(name="short", length=256, share=75), Phase(name="long", length=1024, share=25)]
    cells = [cell("books", length=256), cell("books", length=1024), cell("web", length=256), cell("web", length=1024)]
    available = np.array([1e6, 9e7, 5e8, 5e8])
    mixture = Mixture(sources={"web": 60, "books": 40})
    solution = balance(cells, available, mixture, phases)
    assert solution.scarce == (0,)
    for place in range(len(cells)):
        more = balance(cells, available * np.where(np.arange(4) == place, 1.2, 1.0), mixture, phases).budget
        assert (more > 1.01 * solution.budget) == (place in solution.scarce), place


def test_languages_without_other_share_only_what_is_named() -> None:
    cells = [cell("web", "en"), cell("web", "zh"), cell("code", "Python")]
    mixture = Mixture(sources={"web": 60, "code": 40}, languages={"en": 50, "zh": 50}, tokens=int(1e6))
    solution = balance(cells, np.array([9e6, 1e6, 5e6]), mixture, ONE)
    np.testing.assert_allclose(solution.amounts.ravel(), [3e5, 3e5, 4e5], rtol=1e-3)


def test_other_stands_for_every_language_not_named() -> None:
    cells = [cell("web", "en"), cell("web", "de"), cell("web", "fr")]
    mixture = Mixture(sources={"web": 1}, languages={"en": 80, "other": 20}, tokens=int(1e6))
    solution = balance(cells, np.array([5e6, 1e6, 3e6]), mixture, ONE)
    np.testing.assert_allclose(solution.amounts.ravel(), [8e5, 5e4, 15e4], rtol=1e-3)


def test_cells_called_other_are_other() -> None:
    """As the histogram calls what the mixture doesn't name."""
    cells = [cell("web", "en"), cell("web", "other"), cell("code", "other")]
    mixture = Mixture(sources={"web": 80, "code": 20}, languages={"en": 70, "other": 30}, tokens=int(1e6))
    solution = balance(cells, np.array([5e6, 5e6, 5e6]), mixture, ONE)
    assert solution.unmet == []
    np.testing.assert_allclose(solution.amounts.ravel(), [7e5, 1e5, 2e5], rtol=1e-3)


def test_temperature_flattens_the_weights_of_sources() -> None:
    assert Mixture(sources={"a": 81, "b": 1}, temperature=2).source_shares() == pytest.approx({"a": 0.9, "b": 0.1})


PHASES = [
    Phase(name="short", length=4096, share=70),
    Phase(name="long", length=32768, share=20),
    Phase(name="longest", length=131072, share=10),
]


def test_documents_go_to_the_phase_that_holds_them() -> None:
    cells = [cell("web", length=length) for length in (4096, 32768, 131072, 0)]
    solution = balance(
        cells, np.array([10e6, 1.5e6, 0.5e6, 0.3e6]), Mixture(sources={"web": 1}, tokens=int(10e6)), PHASES
    )
    np.testing.assert_allclose(solution.amounts.sum(axis=0), [7e6, 2e6, 1e6], rtol=1e-3)
    assert solution.amounts[1, 0] == solution.amounts[2:, :2].sum() == 0  # nothing goes where it doesn't fit
    # Half of the longest phase is what only it holds, the other half fills up what that leaves free.
    assert solution.amounts[2:, 2].sum() == pytest.approx(0.5e6, rel=0.01)


def test_a_phase_that_splits_takes_long_documents_where_it_must() -> None:
    phases = [Phase(name="short", length=4096, share=90, splits=True), Phase(name="long", length=32768, share=10)]
    cells = [cell("web"), cell("books", length=0)]
    mixture = Mixture(sources={"web": 50, "books": 50}, tokens=int(1e6))
    solution = balance(cells, np.array([2e6, 2e6]), mixture, phases)
    assert solution.unmet == []
    assert tokens(solution, cells, source="books") == pytest.approx(5e5, rel=1e-3)
    unsplit = [Phase(name="short", length=4096, share=90), phases[1]]
    assert balance(cells, np.array([2e6, 2e6]), mixture, unsplit).unmet


def test_a_phase_may_have_a_mixture_of_its_own() -> None:
    phases = [
        Phase(name="first", length=4096, share=50),
        Phase(name="second", length=4096, share=50, sources={"web": 20, "books": 80}),
    ]
    cells = [cell("web"), cell("books")]
    solution = balance(cells, np.array([9e6, 9e6]), Mixture(sources={"web": 90, "books": 10}, tokens=int(1e6)), phases)
    np.testing.assert_allclose(solution.amounts, [[45e4, 10e4], [5e4, 40e4]], rtol=1e-3)


def test_phases_get_short_documents_for_the_gaps_that_long_ones_leave() -> None:
    """Documents of 1,400 tokens take a sequence of 2,048 each; three quarters of all tokens are in such."""
    phases = [Phase(name="short", length=512, share=60), Phase(name="long", length=2048, share=40)]
    cells = [cell("web", length=512), cell("web", length=2048)]
    alone = np.array([[0.0, 0.0], [0.0, 1 / 1400]])
    mixture = Mixture(sources={"web": 1}, tokens=int(1e6))
    natural = balance(cells, np.array([9e5, 3e6]), mixture, phases)
    filled = balance(cells, np.array([9e5, 3e6]), mixture, phases, alone)
    assert filled.unmet == []
    np.testing.assert_allclose(filled.amounts.sum(axis=0), [6e5, 4e5], rtol=1e-3)
    sequences = 4e5 / 2048
    assert natural.amounts[1, 1] / 1400 > sequences  # each would need one of its own
    assert 0.95 * sequences < filled.amounts[1, 1] / 1400 < sequences


def test_shares_go_before_padding() -> None:
    """The long source is asked for more than gaps can be filled: it is given, and padding has to be borne."""
    phases = [Phase(name="long", length=2048, share=100)]
    cells = [cell("notes", length=2048), cell("books", length=2048)]
    mixture = Mixture(sources={"notes": 10, "books": 90}, tokens=int(1e6))
    solution = balance(cells, np.array([9e6, 9e6]), mixture, phases, np.array([[0.0], [1 / 1100]]))
    assert solution.unmet == []
    np.testing.assert_allclose(solution.amounts.ravel(), [1e5, 9e5], rtol=1e-3)


def test_an_empty_source_is_an_error_that_names_it() -> None:
    with pytest.raises(MixtureError, match="asks for books, but not a token of it is left"):
        balance([cell("web"), cell("books")], np.array([1e6, 0.0]), Mixture(sources={"web": 1, "books": 1}), ONE)


def test_a_mixture_without_sources_is_an_error() -> None:
    with pytest.raises(MixtureError, match="no source with a share above 0"):
        balance([cell("web")], np.array([1e6]), Mixture(sources={"web": 0}), ONE)


@settings(max_examples=30)
@given(st.data())
def test_amounts_stay_within_the_limits_whatever_is_asked(data: st.DataObject) -> None:
    shares = st.floats(0.1, 10)
    cells = [
        cell(source, tag, bucket, length)
        for source in "ab"
        for tag in ("en", "zh")
        for bucket in (0, 1)
        for length in (4096, 32768, 131072, 0)
    ]
    available = np.array(data.draw(st.lists(st.integers(0, 10**7), min_size=32, max_size=32)), dtype=float)
    available[[0, 16]] += 1000
    mixture = Mixture(
        sources={"a": data.draw(shares), "b": data.draw(shares)},
        languages=data.draw(st.sampled_from([{}, {"en": 3.0, "zh": 1.0}, {"zh": 1.0, "other": 2.0}])),
        tokens=data.draw(st.none() | st.integers(1000, 10**8)),
        epochs=data.draw(st.floats(0.5, 4)),
    )
    solution = balance(cells, available, mixture, PHASES)
    assert (solution.amounts >= 0).all()
    assert (solution.amounts.sum(axis=1) <= available * mixture.epochs * 1.002 + 1).all()
    if mixture.tokens and not solution.unmet:
        assert solution.tokens == pytest.approx(mixture.tokens, rel=0.01)


def test_gaps_are_filled_as_far_as_they_must_be_and_no_further() -> None:
    """By the smallest weights: the phase with too much padding ends at what is allowed, the other stays as it is."""
    random = np.random.default_rng(1)
    amounts, gaps = random.random(12) * 100, np.zeros((2, 12))
    for phase in range(2):
        gaps[phase, phase::2] = random.random(6) * 0.2
    padding = gaps @ amounts
    allowed = padding * [0.7, 1.2]
    filling, found = _Filling(gaps, allowed), amounts
    for _ in range(30):
        found = filling.project(found)
    np.testing.assert_allclose(gaps @ found, [allowed[0], padding[1]], rtol=1e-9)
    np.testing.assert_array_equal(found[1::2], amounts[1::2])
    weights = -np.log(found[::2] / amounts[::2]) / gaps[0, ::2]  # one for all: nothing moves that gaps don't ask for
    np.testing.assert_allclose(weights, weights[0], rtol=1e-9)
