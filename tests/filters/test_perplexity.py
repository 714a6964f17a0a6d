"""Perplexity by a causal language model: what the model's own library says of each text alone, and bits of their bytes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from winnow.filters import perplexity
from winnow.filters.perplexity import measure
from winnow.pipeline.configuration.manifest import Bounds, Filter
from winnow.stages.decide import decide
from winnow.stages.passes import recipe_of
from winnow.stages.run.unit import Place

TEXTS = ["ab", "", "a" * 40, "été 中文", "b" * 3, "ab" * 9, "x"]

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")


def make_model(folder: Path, end: str | None) -> Path:
    """A tiny Llama over bytes; `end` is its token of an end."""
    letters = {letter: place for place, letter in enumerate(sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))}
    made = tokenizers.Tokenizer(tokenizers.models.BPE({**letters, "<end>": len(letters)}, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<end>"])
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=end).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(letters) + 1,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=1.0,
    )
    transformers.LlamaForCausalLM(config).eval().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), "<end>")


def table(texts: list[str | None]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.large_string())})


def alone(folder: Path, text: str) -> tuple[float, int]:
    """Nats and tokens of one text behind an end, as transformers counts them."""
    loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    ids = [256, *transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]]
    with torch.inference_mode():
        loss = loaded(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
    return loss * (len(ids) - 1), len(ids) - 1


def test_each_text_is_foretold_as_it_is_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perplexity, "LOGITS", 64 * 257)  # several batches
    found = measure(table([*TEXTS, None]), model=str(model), name="proxy")
    assert found.column_names == ["perplexity.proxy", "perplexity.proxy_bits"]
    for text, told, bits in zip(TEXTS, *(column.to_pylist() for column in found.columns), strict=False):
        if not text:
            assert told is None and bits is None
            continue
        nats, tokens = alone(model, text)
        assert told == pytest.approx(math.exp(nats / tokens), rel=1e-4)
        assert bits == pytest.approx(nats / math.log(2) / len(text.encode()), rel=1e-4)
    assert found["perplexity.proxy"].to_pylist()[-1] is None
    assert measure(table([]), model=str(model), name="proxy").schema == found.schema


def test_of_a_long_text_the_first_tokens_count_with_their_own_bytes(model: Path) -> None:
    long, short = (
        measure(table([text]), model=str(model), tokens=8).to_pydict() for text in ("ab中" * 90, "ab中ab中"[:4])
    )
    nats, tokens = alone(model, "ab中ab")
    assert tokens == 7 and short != long
    assert measure(table(["ab中ab中"]), model=str(model), tokens=7)["perplexity.model_bits"][
        0
    ].as_py() == pytest.approx(nats / math.log(2) / 7, rel=1e-4)


def test_where_nothing_stands_before_the_first_token_it_isnt_counted(tmp_path: Path) -> None:
    found = measure(table(["a", "ab", "中a"]), model=str(make_model(tmp_path, None)))
    assert found["perplexity.model"].to_pylist()[0] is None
    assert all(found["perplexity.model"].to_pylist()[1:])


def test_the_same_batch_is_told_the_same_whatever_else_is_in_it(model: Path) -> None:
    whole = measure(table(TEXTS), model=str(model))
    for row in range(len(TEXTS)):
        assert measure(table(TEXTS[row : row + 1]), model=str(model)).equals(whole.slice(row, 1).combine_chunks())


def test_a_manifest_bounds_it_by_the_name_that_it_gives(model: Path) -> None:
    entry = Filter(
        recipe="perplexity",
        options={"model": "resource:proxy", "name": "proxy"},
        thresholds={"proxy": Bounds(maximum=1000)},
    )
    recipe = recipe_of(entry.measuring(), {"resource:proxy": Place(model)})
    assert recipe.measure is not None
    found = recipe.measure(table(TEXTS), **recipe.options)
    drops = decide(found.append_column("id", pa.array(TEXTS)), [entry.application()])
    assert drops["row"].to_pylist() == [
        row for row, value in enumerate(found["perplexity.proxy"].to_pylist()) if value is not None and value > 1000
    ]
    assert 0 < drops.num_rows < len(TEXTS)


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        measure(table(["a"]), model=str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="no causal language model that transformers loads"):
        measure(table(["a"]), model=str(tmp_path))
    with pytest.raises(ValueError, match="at least 2"):
        measure(table(["a"]), model=str(tmp_path), tokens=1)
