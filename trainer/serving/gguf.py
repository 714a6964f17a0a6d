"""`winnow-train gguf`: an export as one GGUF file, which llama.cpp and all that is built on it run.

llama.cpp's own converter does it, from a folder of llama.cpp's sources. It knows the model; two things it is told here.
Tokenizers: for this family it looks for the byte-level vocabulary of the released models, and ours is a sentencepiece BPE,
which llama.cpp runs as it is. And blocks of four bits, which its own option `--outtype` doesn't offer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from winnow.tokenizer.bpe import BytePairEncoder
from winnow.tokenizer.load import load
from winnow.tokenizer.special import END_OF_TEXT, GENERATE_MASK, OBSERVATION, USER
from winnow.tokenizer.vocabulary import SPACE, Kind
from winnow.trainer.config import TrainingError
from winnow.trainer.printing import say

CONVERTER = "convert_hf_to_gguf.py"
TYPES = ("f32", "bf16", "f16", "q8_0", "q4_0")
ROLES = {"bos": GENERATE_MASK, "eos": END_OF_TEXT, "eot": USER, "eom": OBSERVATION, "pad": END_OF_TEXT}
"""What llama.cpp calls the tokens: the ends of an answer are the next turn's tags."""


def convert(model: Path, out: Path, llama_cpp: Path, kind: str = "bf16", *, prediction: bool = True) -> None:
    """Writes the export in `model` to the file `out`, weights as `kind`, one of `TYPES`.

    Four bits are blocks of 32 with one scale (Q4_0) in every matrix but the embeddings, the head and the routers: Q8_0 the
    first two, fp32 the last. A matrix whose rows aren't whole blocks stays in bf16. `prediction`: with the layer that
    drafts a token ahead. Raises `TrainingError` for a folder that isn't an export or sources that aren't llama.cpp's.
    """
    if not (model / "config.json").is_file():
        raise TrainingError(f"{model} holds no config.json: it isn't the folder of an exported model")
    conversion, gguf = _converter(llama_cpp)
    architecture = (json.loads((model / "config.json").read_text()).get("architectures") or ["none"])[0]
    try:
        stock = conversion.get_model_class(architecture)
    except NotImplementedError as error:
        raise TrainingError(f"{model}: llama.cpp's converter knows no model {architecture}") from error
    four = kind == "q4_0"
    types = gguf.LlamaFileType
    file_type = {"f32": types.ALL_F32, "f16": types.MOSTLY_F16, "q8_0": types.MOSTLY_Q8_0}.get(kind, types.MOSTLY_BF16)

    class Exported(stock):  # type: ignore[misc, valid-type]
        """The converter's model of this architecture, with our vocabulary."""

        model_arch = stock.model_arch
        no_mtp = not prediction

        def set_vocab(self) -> None:
            if _write_vocabulary(self.gguf_writer, self.dir_model, int(self.hparams["vocab_size"]), gguf):
                return
            try:
                super().set_vocab()
            except (
                NotImplementedError,
                KeyError,
                OSError,
                ValueError,
            ) as error:  # not its list's, or other roles than GLM's
                raise TrainingError(f"{model}: llama.cpp's converter can't take this tokenizer: {error!r}") from error

        def tensor_force_quant(self, name: str, new_name: str, bid: int | None, n_dims: int) -> Any:
            """Four bits where they are asked for. Blocks that don't fit the rows the converter itself leaves in 16 bits."""
            if not four or n_dims < 2 or ".mlp.gate." in name:
                return super().tensor_force_quant(name, new_name, bid, n_dims)
            wide = "embed_tokens" in name or "head" in name
            return gguf.GGMLQuantizationType.Q8_0 if wide else gguf.GGMLQuantizationType.Q4_0

    import torch

    if out.is_dir():
        raise TrainingError(f"{out} is a folder, and one file is written")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name("winnow-gguf.tmp")  # the converter reads braces in a name as its own
    with torch.inference_mode():
        Exported(model, file_type, beside).write()
    os.replace(beside, out)


def _converter(folder: Path) -> tuple[ModuleType, ModuleType]:
    """llama.cpp's packages `conversion` and `gguf`, from its sources alone."""
    if not (folder / CONVERTER).is_file():
        raise TrainingError(f"{folder} holds no {CONVERTER}: it isn't a folder of llama.cpp's sources (make llama.cpp)")
    for place in (folder / "gguf-py", folder):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))
    try:
        return importlib.import_module("conversion"), importlib.import_module("gguf")
    except ImportError as error:
        raise TrainingError(f"{folder}: its converter can't be loaded: {error}") from error


def _write_vocabulary(writer: Any, folder: Path, size: int, gguf: ModuleType) -> bool:
    """Pieces, scores, kinds and roles of a tokenizer of ours; whether it is one. Ids without a piece are marked unused."""
    if not (folder / "tokenizer.model").is_file():
        return False
    encoder = load(str(folder))
    if not isinstance(encoder, BytePairEncoder):
        return False
    vocabulary = encoder.vocabulary
    kinds = [int(kind) for kind in vocabulary.kinds]
    pieces = [
        piece.replace(SPACE, " ") if kind == Kind.USER_DEFINED else piece
        for piece, kind in zip(vocabulary.pieces, kinds, strict=True)
    ]
    missing = range(len(pieces), size)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.encode() for piece in pieces] + [f"[PAD{number}]".encode() for number in missing])
    writer.add_token_scores([float(score) for score in vocabulary.scores] + [-1000.0] * len(missing))
    writer.add_token_types(kinds + [int(Kind.UNUSED)] * len(missing))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    special = gguf.SpecialVocab(folder, n_vocab=size)  # the chat template, and what the configuration names
    special.add_special_token.clear()
    for role, name in ROLES.items():
        if name in encoder.conventions.roles:
            special._set_special_token(role, encoder.conventions.roles[name])
    special._set_special_token("unk", vocabulary.ids_of(Kind.UNKNOWN)[0])
    special.add_to_gguf(writer)
    return True


@click.command()
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--type", "kind", type=click.Choice(TYPES), default="bf16", show_default=True, help="Of the weights.")
@click.option("--prediction/--no-prediction", default=True, show_default=True, help="The layer that drafts ahead.")
@click.option("--llama-cpp", default=".venv-llama/llama.cpp", type=click.Path(path_type=Path), show_default=True)
def main(model: Path, out: Path, kind: str, prediction: bool, llama_cpp: Path) -> None:
    """An exported model as one file for llama.cpp, its tokenizer and chat template within."""
    try:
        convert(model, out, llama_cpp, kind, prediction=prediction)
    except TrainingError as error:
        raise click.ClickException(str(error)) from error
    say(f"{out}: {out.stat().st_size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
