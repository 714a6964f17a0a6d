"""A small tokenizer of our own, trained once for all tests."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.files import Files
from winnow.tokenizer.load import load
from winnow.tokenizer.pieces import SentencePieceEncoder
from winnow.tokenizer.train import train

VOCABULARY = 3000
MODULES = ("argparse", "ast", "collections", "decimal", "difflib", "doctest", "email.message", "inspect", "typing")
CHINESE = (
    "数据管道把原始语料变成可以直接训练的序列,每一步都能重复,每一个字都能追到来源。",
    "分词器先在样本上训练,然后用同样的编号编码所有文档;长文档在段落之间切开。",
    "混合比例按来源和语言同时求解,不能满足的要求会写明,并给出最接近的可行方案。",
    "今天天气很好,我们去公园散步,看见许多人在湖边读书、下棋、放风筝。",
)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """English, Python and Chinese, about half a megabyte."""
    code = [inspect.getsource(importlib.import_module(name)) for name in MODULES]
    documentation = [inspect.getdoc(importlib.import_module(name)) or "" for name in MODULES]
    chinese = ["\n\n".join(CHINESE[start:] + CHINESE[:start]) * 40 for start in range(len(CHINESE))]
    return [*code, *documentation, *chinese]


@pytest.fixture(scope="session")
def tokenizer_folder(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    train(texts, VOCABULARY, 7, str(folder))
    return folder


@pytest.fixture(scope="session")
def encoder(tokenizer_folder: Path) -> BytePairEncoder:
    loaded = load(str(tokenizer_folder))
    assert isinstance(loaded, BytePairEncoder)
    return loaded


@pytest.fixture(scope="session")
def reference(tokenizer_folder: Path) -> SentencePieceEncoder:
    path = tokenizer_folder / "tokenizer.model"
    return SentencePieceEncoder(Files(str(path), path.read_bytes()))
