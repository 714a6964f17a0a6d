"""What a training run needs and costs before it is paid for: memory by kind, tokens a second, days and dollars.

Memory is counted on the fullest GPU of a layout of data, tensor, pipeline and expert parallelism as Megatron-core lays it
out: tensor parallelism splits attention, dense feed-forward, embedding and, with sequence parallelism, every activation;
expert parallelism deals out whole experts; pipeline parallelism deals out layers, and its first stage keeps the
activations of as many micro-batches as there are stages (1F1B, arXiv 2104.04473). The optimizer's states lie sharded over
the data-parallel ranks (ZeRO-1, arXiv 1910.02054).

Speed is the model's own arithmetic (6 floating-point operations a parameter that a token passes and attention's, half of
the square for causality; arXiv 2204.02311, appendix B) at a stated share of the peak: the MFU is asked for, not promised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from winnow.trainer.config import ModelConfig, TrainingError

GIB = 1 << 30
PEAKS = {"h800": 989e12, "h100": 989e12, "h200": 989e12, "a100": 312e12, "b200": 2_250e12}
"""Dense bf16 operations a second, by the makers' data sheets."""
MEMORY = {"h800": 80, "h100": 80, "h200": 141, "a100": 80, "b200": 192}
"""Gigabytes of a GPU, likewise."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a model lies on GPUs. `micro_sequences` of `length` tokens are one micro-batch of a data-parallel rank."""

    gpus: int
    tensor: int = 1
    pipeline: int = 1
    expert: int = 1
    length: int = 4_096
    micro_sequences: int = 1
    recompute: bool = False  # each block in the backward pass

    @property
    def data(self) -> int:
        """Ranks that hold the same attention weights."""
        return self.gpus // (self.tensor * self.pipeline)

    @property
    def expert_data(self) -> int:
        """Ranks that hold the same experts."""
        return self.gpus // (self.pipeline * self.expert)

    def check(self, model: ModelConfig) -> None:
        """Raises `TrainingError` for a layout that doesn't divide up."""
        rules = [
            (self.gpus % (self.tensor * self.pipeline), f"{self.gpus} GPUs aren't a multiple of tp × pp"),
            (self.gpus % (self.pipeline * self.expert), f"{self.gpus} GPUs aren't a multiple of pp × ep"),
            (model.num_attention_heads % self.tensor, f"{model.num_attention_heads} heads aren't a multiple of tp"),
            (model.n_routed_experts % self.expert, f"{model.n_routed_experts} experts aren't a multiple of ep"),
            (self.pipeline > model.num_hidden_layers, f"pp exceeds {model.num_hidden_layers} layers"),
        ]
        for wrong, reason in rules:
            if wrong:
                raise TrainingError(f"{reason} (tp {self.tensor}, pp {self.pipeline}, ep {self.expert})")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Numbers of parameters of one piece of the model; `vectors` are norms and biases."""

    matrices: int = 0
    experts: int = 0
    tables: int = 0  # embedding and head
    vectors: int = 0

    def __add__(self, other: Parameters) -> Parameters:
        return Parameters(
            matrices=self.matrices + other.matrices,
            experts=self.experts + other.experts,
            tables=self.tables + other.tables,
            vectors=self.vectors + other.vectors,
        )

    @property
    def total(self) -> int:
        return self.matrices + self.experts + self.tables + self.vectors


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on the fullest GPU."""

    parameters: float  # bf16
    gradients: float  # fp32
    states: float  # fp32 master weights, Muon's momentum, AdamW's two moments of tables and vectors
    activations: float  # bf16

    @property
    def total(self) -> float:
        return self.parameters + self.gradients + self.states + self.activations


def block_parameters(model: ModelConfig, *, sparse: bool) -> Parameters:
    """One decoder layer."""
    hidden, query = model.hidden_size, model.num_attention_heads * model.head_dim
    key = model.num_key_value_heads * model.head_dim
    attention = hidden * (query + 2 * key) + query * hidden
    vectors = 2 * hidden + (query + 2 * key) * model.attention_bias + 2 * model.head_dim * model.use_qk_norm
    if not sparse:
        return Parameters(matrices=attention + 3 * hidden * model.intermediate_size, vectors=vectors)
    shared = 3 * hidden * model.moe_intermediate_size * model.n_shared_experts
    return Parameters(
        matrices=attention + shared + hidden * model.n_routed_experts,
        experts=3 * hidden * model.moe_intermediate_size * model.n_routed_experts,
        vectors=vectors,
    )


def stages(model: ModelConfig, pipeline: int) -> list[tuple[Parameters, int, int]]:
    """Parameters, layers and sparse layers of each pipeline stage: as `pipeline_parallel` deals them out, and Megatron-core.

    Embedding in the first, head and prediction layers in the last, which for these has a copy of the embedding.
    """
    hidden, table = model.hidden_size, model.vocab_size * model.hidden_size
    found = []
    for stage, layers in enumerate(model.layers_of_stages(pipeline)):
        kinds = [model.is_sparse(layer) for layer in layers]
        held = Parameters(tables=table) if stage == 0 else Parameters()
        if stage == pipeline - 1:
            held += Parameters(tables=table, vectors=hidden)
            if stage > 0 and model.num_nextn_predict_layers:
                held += Parameters(tables=table)
            kinds += [True] * model.num_nextn_predict_layers
            for _ in range(model.num_nextn_predict_layers):  # what a prediction layer has beside its block
                held += Parameters(matrices=2 * hidden * hidden, vectors=3 * hidden)
        for sparse in kinds:
            held += block_parameters(model, sparse=sparse)
        found.append((held, len(kinds), sum(kinds)))
    return found


def parameters(model: ModelConfig) -> Parameters:
    """Of the whole model, embedding, head and prediction layers included."""
    return stages(model, 1)[0][0]


def active_parameters(model: ModelConfig) -> int:
    """Parameters that a token is multiplied with, the head included and the embedding, a look-up, not."""
    whole = parameters(model)
    table = model.vocab_size * model.hidden_size
    experts = whole.experts * model.num_experts_per_tok // model.n_routed_experts
    heads = table * (1 + model.num_nextn_predict_layers)  # each prediction layer goes through the head again
    return whole.matrices + experts + heads


def memory(model: ModelConfig, layout: Layout) -> Memory:
    """Of the fullest GPU, and of what: the largest sum of the kinds over the pipeline's stages."""
    layout.check(model)
    return max((_stage_memory(model, layout, *found) for found in _numbered(model, layout)), key=lambda m: m.total)


def _numbered(model: ModelConfig, layout: Layout) -> Iterator[tuple[int, Parameters, int, int]]:
    for number, (held, layers, sparse) in enumerate(stages(model, layout.pipeline)):
        yield number, held, layers, sparse


def _stage_memory(
    model: ModelConfig, layout: Layout, number: int, held: Parameters, layers: int, sparse: int
) -> Memory:
    split = (held.matrices + held.tables) / layout.tensor + held.vectors
    experts = held.experts / layout.expert
    muon = (held.matrices / layout.tensor, held.experts / layout.expert)
    adamw = held.tables / layout.tensor + held.vectors
    tokens = layout.length * layout.micro_sequences
    in_flight = layout.pipeline - number
    whole = tokens / layout.tensor * (layers * token_bytes(model, sparse=False) + sparse * _sparse_extra(model))
    boundary = tokens / layout.tensor * layers * 2 * model.hidden_size
    one = tokens / layout.tensor * token_bytes(model, sparse=sparse > 0)
    return Memory(
        parameters=2 * (split + experts),
        gradients=4 * (split + experts),
        states=(8 * muon[0] + 12 * adamw) / layout.data + 8 * muon[1] / layout.expert_data,
        activations=in_flight * boundary + one if layout.recompute else in_flight * whole,
    )


def token_bytes(model: ModelConfig, *, sparse: bool) -> int:
    """Bytes that the backward pass of one layer needs of one token, in bf16: what each product and norm was given."""
    query, key = model.num_attention_heads * model.head_dim, model.num_key_value_heads * model.head_dim
    attention = 2 * model.hidden_size + 2 * query + 2 * key  # input, its norm, q, k, v and what attention gave
    dense = 2 * model.hidden_size + 3 * model.intermediate_size  # input, its norm, gate, up and their product
    return 2 * (attention + dense) + (_sparse_extra(model) if sparse else 0)


def _sparse_extra(model: ModelConfig) -> int:
    """What a sparse layer keeps of a token beyond a dense one, in bytes: copies for each of its experts and their results."""
    chosen, inner = model.num_experts_per_tok, model.moe_intermediate_size
    routed = chosen * (2 * model.hidden_size + 3 * inner) + 3 * inner * model.n_shared_experts
    return 2 * (routed - 3 * model.intermediate_size)


def cache_bytes(model: ModelConfig, length: int) -> int:
    """Keys and values of one sequence while it is generated, in bf16, on all GPUs together."""
    return 2 * 2 * model.num_key_value_heads * model.head_dim * model.num_hidden_layers * length


def token_operations(model: ModelConfig, length: int) -> float:
    """Floating-point operations of training on one token in sequences of `length` tokens."""
    layers = model.num_hidden_layers + model.num_nextn_predict_layers
    attention = 12 * layers * model.num_attention_heads * model.head_dim * length / 2
    return 6 * active_parameters(model) + attention


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One training stage: its tokens, the length of their sequences, and what it takes."""

    name: str
    tokens: float
    length: int
    tokens_per_second: float
    gpus: int
    price: float

    @property
    def days(self) -> float:
        return self.tokens / self.tokens_per_second / 86_400

    @property
    def gpu_hours(self) -> float:
        return self.days * 24 * self.gpus

    @property
    def cost(self) -> float:
        return self.gpu_hours * self.price


def spell(
    model: ModelConfig, name: str, tokens: float, length: int, *, gpus: int, peak: float, mfu: float, price: float
) -> Spell:
    """What a stage takes where `mfu` of the GPUs' peak is reached. `price`: dollars a GPU and hour."""
    if not 0 < mfu <= 1:
        raise TrainingError(f"an MFU of {mfu:g} isn't a share of the peak")
    speed = gpus * peak * mfu / token_operations(model, length)
    return Spell(name=name, tokens=tokens, length=length, tokens_per_second=speed, gpus=gpus, price=price)


def megatron_config(model: ModelConfig, layout: Layout) -> dict[str, object]:
    """Fields of megatron-core's `TransformerConfig` for this model and layout."""
    return {
        "num_layers": model.num_hidden_layers,
        "hidden_size": model.hidden_size,
        "ffn_hidden_size": model.intermediate_size,
        "num_attention_heads": model.num_attention_heads,
        "num_query_groups": model.num_key_value_heads,
        "kv_channels": model.head_dim,
        "qk_layernorm": model.use_qk_norm,
        "add_bias_linear": False,
        "add_qkv_bias": model.attention_bias,
        "normalization": "RMSNorm",
        "layernorm_epsilon": model.rms_norm_eps,
        "gated_linear_unit": True,
        "bf16": True,
        "params_dtype": "bfloat16",
        "num_moe_experts": model.n_routed_experts,
        "moe_ffn_hidden_size": model.moe_intermediate_size,
        "moe_shared_expert_intermediate_size": model.moe_intermediate_size * model.n_shared_experts,
        "moe_router_topk": model.num_experts_per_tok,
        "moe_router_score_function": "sigmoid",
        "moe_router_enable_expert_bias": True,
        "moe_router_topk_scaling_factor": model.routed_scaling_factor,
        "moe_router_dtype": "fp32",
        "moe_layer_freq": [int(model.is_sparse(layer)) for layer in range(model.num_hidden_layers)],
        "mtp_num_layers": model.num_nextn_predict_layers or None,
        "tensor_model_parallel_size": layout.tensor,
        "pipeline_model_parallel_size": layout.pipeline,
        "expert_model_parallel_size": layout.expert,
        "expert_tensor_parallel_size": 1,
        "sequence_parallel": layout.tensor > 1,
        "pipeline_dtype": "bfloat16",
        "recompute_granularity": "full" if layout.recompute else None,
        "recompute_method": "uniform" if layout.recompute else None,
        "recompute_num_layers": 1 if layout.recompute else None,
        **({"num_layers_in_last_pipeline_stage": _last(model, layout)} if _uneven(model, layout) else {}),
    }


def _uneven(model: ModelConfig, layout: Layout) -> bool:
    return model.num_hidden_layers % layout.pipeline != 0


def _last(model: ModelConfig, layout: Layout) -> int:
    """Layers of the last stage, where the others have equally many."""
    each = math.ceil(model.num_hidden_layers / layout.pipeline)
    left = model.num_hidden_layers - each * (layout.pipeline - 1)
    return left if left > 0 else model.num_hidden_layers - (each - 1) * (layout.pipeline - 1)
