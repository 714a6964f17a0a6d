"""What a model is: sizes under the names that Hugging Face's `glm4_moe` gives them, and the presets.

`air` and `glm-4.6` are the released configurations of GLM-4.5-Air and GLM-4.6 (GLM-4.5 report, arXiv 2508.06471,
table 1, and the `config.json` beside the weights); `tiny`, `nano` and `small` keep their proportions: many heads for
the width (2.5 × the hidden size), one dense layer, a shared expert, one prediction layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

MOST_PREDICTION_LAYERS = 3


class TrainingError(Exception):
    """A mistake in what was asked or in what was found; the message names the file, the key or the step."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A mixture-of-experts decoder of the GLM-4.5 family."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int  # of the feed-forward in the first `first_k_dense_replace` layers
    moe_intermediate_size: int  # of one expert
    num_hidden_layers: int
    first_k_dense_replace: int
    num_nextn_predict_layers: int  # multi-token prediction layers after the last: 0 to 3
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    n_routed_experts: int
    num_experts_per_tok: int
    n_shared_experts: int = 1
    routed_scaling_factor: float = 1.0
    norm_topk_prob: bool = True
    use_qk_norm: bool = False
    attention_bias: bool = True
    partial_rotary_factor: float = 0.5
    rope_theta: float = 10_000.0
    rms_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    max_position_embeddings: int = 131_072

    def __post_init__(self) -> None:
        if self.num_attention_heads % self.num_key_value_heads:
            raise TrainingError(
                f"num_attention_heads {self.num_attention_heads} is no multiple of "
                f"num_key_value_heads {self.num_key_value_heads}"
            )
        if self.num_experts_per_tok > self.n_routed_experts:
            raise TrainingError(
                f"num_experts_per_tok {self.num_experts_per_tok} exceeds n_routed_experts {self.n_routed_experts}"
            )
        if not 0 <= self.num_nextn_predict_layers <= MOST_PREDICTION_LAYERS:
            raise TrainingError(
                f"num_nextn_predict_layers must be 0 to {MOST_PREDICTION_LAYERS}, not {self.num_nextn_predict_layers}"
            )
        if self.rotary_dim % 2:
            raise TrainingError(f"head_dim × partial_rotary_factor must be even, not {self.rotary_dim}")

    @property
    def rotary_dim(self) -> int:
        """Leading dimensions of each head that turn with the position."""
        return int(self.head_dim * self.partial_rotary_factor)

    @property
    def group_size(self) -> int:
        """Query heads that share one key and value head."""
        return self.num_attention_heads // self.num_key_value_heads

    def is_sparse(self, layer: int) -> bool:
        """Whether that layer routes to experts; the prediction layers, numbered after the last, do."""
        return layer >= self.first_k_dense_replace

    def layers_of_stages(self, count: int) -> list[range]:
        """The decoder layers of each stage of a pipeline, in turn, as evenly as may be; the prediction layers join the last.

        Raises `TrainingError` where there are more stages than layers.
        """
        layers = self.num_hidden_layers
        if count > layers:
            raise TrainingError(f"a pipeline of {count} stages wants a layer for each; the model has {layers}")
        bounds = [round(layers * stage / count) for stage in range(count + 1)]
        return [range(first, last) for first, last in pairwise(bounds)]


PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(  # for experiments of a minute or two on one core
        vocab_size=2_048,
        hidden_size=128,
        intermediate_size=320,
        moe_intermediate_size=48,
        num_hidden_layers=3,
        first_k_dense_replace=1,
        num_nextn_predict_layers=1,
        num_attention_heads=10,
        num_key_value_heads=2,
        head_dim=32,
        n_routed_experts=16,
        num_experts_per_tok=4,
        use_qk_norm=True,
    ),
    "nano": ModelConfig(
        vocab_size=16_384,
        hidden_size=256,
        intermediate_size=640,
        moe_intermediate_size=96,
        num_hidden_layers=4,
        first_k_dense_replace=1,
        num_nextn_predict_layers=1,
        num_attention_heads=10,
        num_key_value_heads=2,
        head_dim=64,
        n_routed_experts=16,
        num_experts_per_tok=4,
        use_qk_norm=True,
    ),
    "small": ModelConfig(
        vocab_size=32_768,
        hidden_size=512,
        intermediate_size=1_408,
        moe_intermediate_size=256,
        num_hidden_layers=6,
        first_k_dense_replace=1,
        num_nextn_predict_layers=1,
        num_attention_heads=20,
        num_key_value_heads=4,
        head_dim=64,
        n_routed_experts=24,
        num_experts_per_tok=4,
        use_qk_norm=True,
    ),
    "air": ModelConfig(
        vocab_size=151_552,
        hidden_size=4_096,
        intermediate_size=10_944,
        moe_intermediate_size=1_408,
        num_hidden_layers=46,
        first_k_dense_replace=1,
        num_nextn_predict_layers=1,
        num_attention_heads=96,
        num_key_value_heads=8,
        head_dim=128,
        n_routed_experts=128,
        num_experts_per_tok=8,
        rope_theta=1_000_000.0,
    ),
    "glm-4.6": ModelConfig(
        vocab_size=151_552,
        hidden_size=5_120,
        intermediate_size=12_288,
        moe_intermediate_size=1_536,
        num_hidden_layers=92,
        first_k_dense_replace=3,
        num_nextn_predict_layers=1,
        num_attention_heads=96,
        num_key_value_heads=8,
        head_dim=128,
        n_routed_experts=160,
        num_experts_per_tok=8,
        routed_scaling_factor=2.5,
        use_qk_norm=True,
        rope_theta=1_000_000.0,
        max_position_embeddings=202_752,
    ),
}


def preset(name: str, *, vocab_size: int | None = None, prediction_layers: int | None = None) -> ModelConfig:
    """A named configuration, for a vocabulary of another size or with as many prediction layers as are given."""
    if name not in PRESETS:
        raise TrainingError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    config = PRESETS[name]
    if vocab_size is not None:
        config = replace(config, vocab_size=vocab_size)
    return config if prediction_layers is None else replace(config, num_nextn_predict_layers=prediction_layers)
