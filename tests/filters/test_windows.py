"""Our own rules on Chinese and on long texts: a page and the book it is from are judged alike."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from winnow.filters import statistics
from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.recipes import find_recipe
from winnow.filters.windows import WINDOW_BYTES, WINDOWS, cut_windows, measure


def broken(name: str, *texts: str) -> list[str | None]:
    """For each text the first rule that it breaks."""
    recipe = find_recipe(name)
    assert recipe.measure is not None
    measured = recipe.measure(pa.table({"text": pa.array(texts, pa.large_string())}), **recipe.options)
    return [next((rule.name for rule in recipe.rules if _breaks(rule, measured[rule.measure][row].as_py())), None)
            for row in range(len(texts))]  # fmt: skip


def _breaks(rule, value) -> bool:
    if value is None:
        return False
    return (rule.minimum is not None and value < rule.minimum) or (rule.maximum is not None and value > rule.maximum)


@pytest.fixture(scope="module")
def laws(corpora):
    import json

    import zstandard

    with zstandard.open(corpora / "long/zh_laws.jsonl.zst", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def test_statutes_of_every_length_are_kept(laws):
    lengths = [len(text) for text in laws]
    assert min(lengths) < 3_000 and max(lengths) > 50_000
    assert broken("winnow_zh", *laws).count(None) >= 0.98 * len(laws)
    assert broken("winnow_zh", "\n\n".join(laws)[:500_000]) == [None]


def test_excerpts_are_kept_like_the_whole(laws):
    draw = random.Random(3)
    pieces = [
        text[start : start + 400] for text in laws if len(text) > 2_000 for start in (draw.randrange(1_000, 1_600),)
    ]
    assert broken("winnow_zh", *pieces).count(None) >= 0.95 * len(pieces)


def test_spoilt_texts_go(laws):
    draw = random.Random(5)
    good = laws[3][:3_000]
    words = [good[at : at + 3] for at in range(0, 1_500, 3) if good[at : at + 3].isalpha()]
    draw.shuffle(words)
    spoilt = {
        good.encode().decode("gbk", "replace"): "garbled",
        good.encode().decode("latin-1"): "garbled",
        "".join("\ufffd" if draw.random() < 0.3 else sign for sign in good): "garbled",
        " ".join(words): "sentences",
        "\n".join(good[100 * at : 100 * at + 12].replace("\n", "").replace("。", "") for at in range(30)): "sentences",
        "\n".join([good[600:680].replace("\n", "")] * 40): "repeated_lines",
        "澳门赌场送彩金，百家乐时时彩开户返水，加微信。本店批发正品，全国包邮，特价秒杀。"
        + good[600:800]: "spam_words",
    }
    assert broken("winnow_zh", *spoilt) == list(spoilt.values())


STORY = (
    "The miller had been at the window since the morning, and he did not see that the river was higher than before. "
    "He thought of the bridge, which his father had built with his own hands, and of what the neighbours would say. "
)


def test_a_novel_is_kept_as_its_pages_are():
    draw = random.Random(7)
    names = [
        f"{draw.choice('BDFGKLMNPRST')}{draw.choice('aeiou')}{draw.choice('lmnrst')}{draw.choice('aeiou')}"
        for _ in range(99)
    ]
    page = lambda: STORY.replace("miller", draw.choice(names)).replace("neighbours", draw.choice(names))  # noqa: E731
    sentences = [
        f"{draw.choice(names)} {draw.choice(('told', 'asked', 'gave', 'showed'))} {draw.choice(names)} that "
        f"{draw.choice(('the road', 'the mill', 'her letter', 'a cart'))} was {draw.choice(('lost', 'near', 'old', 'not hers'))} and "
        f"went to {draw.choice(names)}."
        for _ in range(14_000)
    ]
    novel = page() + " ".join(sentences)
    assert len(novel.split()) > 150_000
    assert broken("winnow_longform", novel, novel[:3_000]) == [None, None]
    assert broken("gopher_quality", novel) == ["words"]


def test_english_debris_goes():
    words = STORY.split()
    debris = [
        " ".join(word for word in words if len(word) > 4) * 9,
        "\n".join(words * 3),
        "\n".join([STORY[:90]] * 30),
        "ok",
    ]
    assert None not in broken("winnow_longform", *debris)


def test_windows_cover_short_texts_and_sample_long_ones_between_characters():
    texts = ["", "a", "磨" * 1_999, "磨" * 2_001, "b磨" * 40_000]
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    starts, ends, owners = cut_windows(data, offsets)
    for row, text in enumerate(texts):
        windows = [
            data[start:end].tobytes().decode()
            for start, end, owner in zip(starts, ends, owners, strict=True)
            if owner == row
        ]
        assert 1 <= len(windows) <= WINDOWS
        assert all(len(window.encode()) <= WINDOW_BYTES + 3 for window in windows)
        if len(text.encode()) <= WINDOWS * WINDOW_BYTES // 2:
            assert "".join(windows) == text
        else:
            assert text.startswith(windows[0]) and text.endswith(windows[-1])


def test_a_text_of_one_window_has_the_measures_of_statistics():
    columns = frozenset({"nfkc.entropy", "lines.short_fraction", "words.count"})
    documents = pa.table({"text": pa.array([STORY, STORY[:50] + "\nx"], pa.large_string())})
    alone, windows = statistics.measure(documents, columns=columns), measure(documents, columns=columns)
    for name in columns:
        np.testing.assert_allclose(windows[f"windows.{name}"].to_numpy(), alone[name].to_numpy())
