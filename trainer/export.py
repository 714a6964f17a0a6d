"""Export to the layout of the released GLM-4.5 weights, and import of such a checkpoint.

`AutoModelForCausalLM.from_pretrained` gives logits equal to ours, bit for bit. The prediction layers are written as
the layers `num_hidden_layers` and on. Stock transformers (5.23) looks for one only at the released depths, 46 and 92 layers;
at another depth it reports its keys as unexpected, loads the rest just the same, and `use_mtp` raises.
`from_pretrained(dtype=…)` keeps the correction bias and the rotary frequencies in fp32; `model.to(bfloat16)` would
round them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import INDEX, ShardIndex
from winnow.tokenizer.export import export as export_tokenizer
from winnow.tokenizer.load import load as load_tokenizer
from winnow.tokenizer.special import END_OF_TEXT
from winnow.trainer import checkpoint
from winnow.trainer.config import ModelConfig, TrainingError
from winnow.trainer.model import Transformer

SHARD_BYTES = 4 << 30
INDEX_FILE = "model.safetensors.index.json"
SINGLE_FILE = "model.safetensors"
LINEAGE = "winnow.json"  # the tokenizer's digest, and the stages that the model has been through
_FUSED = "mlp.experts.gate_up_proj"


def export_run(run: str, out: Path) -> Path:
    """Writes `out/huggingface` from the last checkpoint in `out`: weights, configuration, tokenizer, chat template."""
    found = checkpoint.complete(out / "checkpoints")
    if not found:
        raise TrainingError(f"{out / 'checkpoints'} holds no complete checkpoint to export")
    model, length = load_run(out)
    progress = checkpoint.progress_of(found[-1])
    workspace = Workspace(run)
    index = ShardIndex.from_json(workspace.read_bytes(INDEX), workspace.path(INDEX))
    target = out / "huggingface"
    export(model, target, max_position_embeddings=length)
    source = Path(workspace.path(str(index.tokenizer["path"])))
    encoder = load_tokenizer(str(source))
    for name, content in export_tokenizer(encoder).items():
        (target / name).write_bytes(content)
    if not (target / "tokenizer.json").exists():
        shutil.copy(source / "tokenizer.json" if source.is_dir() else source, target / "tokenizer.json")
    end_turns(target, encoder.conventions.roles)
    told = {"tokenizer": index.tokenizer.get("digest"), "stages": checkpoint.lineage(progress)}
    (target / LINEAGE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return target


def end_turns(folder: Path, roles: Mapping[str, int]) -> None:
    """Says in `generation_config.json` which tokens end an answer: no turn has an end of its own, the next one's tag is it."""
    ends = [roles[name] for name in (END_OF_TEXT, "<|user|>", "<|observation|>") if name in roles]
    file = folder / "generation_config.json"
    told = json.loads(file.read_text())
    if ends:
        told |= {"eos_token_id": ends, "pad_token_id": ends[0]}
    file.write_text(json.dumps(told, indent=1) + "\n")


def lineage_of(folder: Path) -> tuple[dict[str, Any], ...]:
    """The stages that an exported model has been through, oldest first; none for a model from elsewhere."""
    path = folder / LINEAGE
    try:
        return tuple(json.loads(path.read_text())["stages"]) if path.exists() else ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} can't be read: {error!r}") from error


def load_run(out: Path) -> tuple[Transformer, int]:
    """The model of the last checkpoint in `out`, at the rotary base it was trained last, and its longest sequence."""
    found = checkpoint.complete(out / "checkpoints")
    if not found:
        raise TrainingError(f"{out / 'checkpoints'} holds no complete checkpoint")
    progress = checkpoint.progress_of(found[-1])
    model = Transformer(ModelConfig(**progress.settings["model"]))
    checkpoint.load_weights(found[-1], model)
    model.rotary.base = progress.rotary_base
    return model.eval(), progress.length


def export(model: Transformer, folder: Path, *, max_position_embeddings: int | None = None) -> None:
    """Writes `config.json`, `generation_config.json` and safetensors of a model in one process."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("model*.safetensors*"):
        old.unlink()
    dtype = next(model.parameters()).dtype
    configuration = huggingface_config(model, dtype, max_position_embeddings)
    (folder / "config.json").write_text(json.dumps(configuration, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"use_cache": True}, indent=1) + "\n")
    files, sizes = _packed(released_tensors(model))
    names = [f"model-{i + 1:05d}-of-{len(files):05d}.safetensors" for i in range(len(files))]
    names = [SINGLE_FILE] if len(files) == 1 else names
    for name, tensors in zip(names, files, strict=True):
        save_file(tensors, folder / name, metadata={"format": "pt"})
    if len(files) > 1:
        where = {key: name for name, tensors in zip(names, files, strict=True) for key in tensors}
        content = {"metadata": {"total_size": sum(sizes)}, "weight_map": where}
        (folder / INDEX_FILE).write_text(json.dumps(content, indent=1) + "\n")


def huggingface_config(model: Transformer, dtype: torch.dtype, length: int | None) -> dict[str, Any]:
    """`config.json` for `glm4_moe`; the rotary base is the model's present one."""
    sizes = asdict(model.config)
    sizes.pop("rope_theta")
    partial = sizes.pop("partial_rotary_factor")
    return {
        **sizes,
        "model_type": "glm4_moe",
        "architectures": ["Glm4MoeForCausalLM"],
        "dtype": str(dtype).removeprefix("torch."),
        "hidden_act": "silu",
        "max_position_embeddings": length or model.config.max_position_embeddings,
        "n_group": 1,
        "topk_group": 1,
        "partial_rotary_factor": partial,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": model.rotary.base,
            "partial_rotary_factor": partial,
        },
        "tie_word_embeddings": False,
        "attention_dropout": 0.0,
        "use_cache": False,  # with a cache transformers doesn't part packed documents; generation has it on
    }


def released_tensors(model: Transformer) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights under the released names: experts one by one, the prediction layers after the last."""
    for name, tensor in model.state_dict().items():
        released = released_name(name, model.config)
        if released.endswith(_FUSED):
            stem = released.removesuffix("gate_up_proj")
            for expert, fused in enumerate(tensor):
                gate, up = fused.chunk(2)
                yield f"{stem}{expert}.gate_proj.weight", gate.contiguous()
                yield f"{stem}{expert}.up_proj.weight", up.contiguous()
        elif released.endswith("mlp.experts.down_proj"):
            stem = released.removesuffix("down_proj")
            for expert, down in enumerate(tensor):
                yield f"{stem}{expert}.down_proj.weight", down.contiguous()
        else:
            yield released, tensor
    for depth, _ in enumerate(model.predictions):
        layer = f"model.layers.{model.config.num_hidden_layers + depth}"
        yield f"{layer}.embed_tokens.weight", model.embed_tokens.weight.detach().clone()
        yield f"{layer}.shared_head.head.weight", model.lm_head.weight.detach().clone()


def released_name(name: str, config: ModelConfig) -> str:
    if name.startswith("lm_head."):
        return name
    if name.startswith("further."):
        _, number, rest = name.split(".", 2)
        return f"model.layers.{config.num_hidden_layers + 1 + int(number)}.{rest}"
    return "model." + name.replace("prediction.", f"layers.{config.num_hidden_layers}.", 1)


def import_checkpoint(folder: Path) -> Transformer:
    """A model with the weights of a checkpoint in the released layout, for continued training.

    Where the weights hold no prediction layer at all, as those that transformers has saved, the model has none.
    Raises `TrainingError` where the folder isn't one, or a tensor is missing.
    """
    try:
        configuration = json.loads((folder / "config.json").read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise TrainingError(f"{folder / 'config.json'} can't be read: {error}") from error
    if configuration.get("model_type") != "glm4_moe":
        raise TrainingError(
            f"{folder / 'config.json'}: model_type is {configuration.get('model_type')!r}, not 'glm4_moe'"
        )
    rotary = configuration.get("rope_parameters") or configuration
    known = {field.name: configuration[field.name] for field in fields(ModelConfig) if field.name in configuration}
    known["rope_theta"] = rotary["rope_theta"]
    known["partial_rotary_factor"] = rotary.get("partial_rotary_factor", known.get("partial_rotary_factor", 0.5))
    config = ModelConfig(**known)
    released = _Released(folder)
    if not released.holds(f"model.layers.{config.num_hidden_layers}."):
        config = replace(config, num_nextn_predict_layers=0)
    model = Transformer(config).to(getattr(torch, configuration.get("dtype") or "float32"))
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(released.tensor(released_name(name, config), tensor.shape))
    return model


class _Released:
    """Reads tensors by their released names from one or several safetensors files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            files = sorted(folder.glob("model*.safetensors"))
            self._open = {path.name: safe_open(path, framework="pt") for path in files}
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{folder}: its safetensors can't be read: {error}") from error
        self._where = {key: name for name, file in self._open.items() for key in sorted(file.keys())}

    def holds(self, prefix: str) -> bool:
        """Whether the name of any tensor begins so."""
        return any(name.startswith(prefix) for name in self._where)

    def tensor(self, name: str, shape: torch.Size) -> torch.Tensor:
        """A tensor, or the stack of a layer's experts."""
        if name.endswith(_FUSED):
            stem = name.removesuffix("gate_up_proj")
            return torch.stack(
                [
                    torch.cat([self._one(f"{stem}{i}.gate_proj.weight"), self._one(f"{stem}{i}.up_proj.weight")])
                    for i in range(shape[0])
                ]
            )
        if name.endswith("mlp.experts.down_proj"):
            stem = name.removesuffix("down_proj")
            return torch.stack([self._one(f"{stem}{i}.down_proj.weight") for i in range(shape[0])])
        return self._one(name)

    def _one(self, name: str) -> torch.Tensor:
        if name not in self._where:
            raise TrainingError(f"{self._folder} has no tensor {name}")
        return self._open[self._where[name]].get_tensor(name)


def _packed(tensors: Iterator[tuple[str, torch.Tensor]]) -> tuple[list[dict[str, torch.Tensor]], list[int]]:
    """Tensors in files of at most `SHARD_BYTES`, and the bytes of each."""
    files: list[dict[str, torch.Tensor]] = [{}]
    sizes = [0]
    for name, tensor in tensors:
        if sizes[-1] and sizes[-1] + tensor.nbytes > SHARD_BYTES:
            files.append({})
            sizes.append(0)
        files[-1][name] = tensor.detach().contiguous()
        sizes[-1] += tensor.nbytes
    return files, sizes
