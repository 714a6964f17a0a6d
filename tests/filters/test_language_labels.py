"""Labels of OpenLID, GlotLID and FLORES are read as the manifests say languages, and a model of their form is understood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters.language import measure
from winnow.filters.language_labels import TWO_LETTERS, language_of

fasttext = pytest.importorskip("fasttext")


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("eng_Latn", "en"), ("zho_Hans", "zh"), ("zho_Hant", "zh"), ("yue_Hant", "zh"), ("cmn_Hani", "zh"), ("nob_Latn", "no"),
        ("arb_Arab", "ar"), ("als_Latn", "sq"), ("gaz_Latn", "om"), ("kbp_Latn", "kbp"),
        ("als", "als"), ("no", "no"), ("wuu", "zh"), ("en", "en"), ("iw", "he"), ("zh-Hant", "zh"), ("my_label", "my_label"),
    ],
)  # fmt: skip
def test_a_label_is_the_language_that_a_manifest_names(label: str, language: str) -> None:
    assert language_of(label) == language


def test_codes_of_two_letters_are_those_that_lid_176_has_too() -> None:
    assert all(len(one) == 3 and len(other) == 2 for one, other in TWO_LETTERS.items())
    assert {"en", "de", "ru", "sw", "yo", "ti", "mi"} <= set(TWO_LETTERS.values())


LANGUAGES = {"eng": "eng_Latn", "deu": "deu_Latn", "tsn": "tsn_Latn", "swh": "swh_Latn", "rus": "rus_Cyrl"}


def test_a_model_in_the_form_of_openlid_and_glotlid_is_read_by_its_path(
    corpora_rows: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    """Theirs are unquantised, softmax, n-grams of 2 to 5 characters, labels of language and script; this is a small one."""
    texts = {
        row["code"]: row["paragraphs"] for row in corpora_rows("langid/udhr_firsthalf") if row["code"] in LANGUAGES
    }
    lines = [f"__label__{LANGUAGES[code]} {' '.join(texts[code][at::4])}" for code in texts for at in range(3)]
    training = tmp_path / "training.txt"
    training.write_text("\n".join(lines * 8) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(
        str(training), dim=16, minn=2, maxn=5, loss="softmax", bucket=1 << 20, epoch=10, lr=0.8, thread=1, verbose=0
    )
    path = str(tmp_path / "model.bin")
    model.save_model(path)
    held_back = [" ".join(texts[code][3::4]) for code in LANGUAGES]
    found = measure(pa.table({"text": pa.array(held_back, pa.large_string())}), model=path)
    assert found["language.label"].to_pylist() == ["en", "de", "tn", "sw", "ru"]
