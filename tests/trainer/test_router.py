"""The router: chosen by biased scores, weighted by unbiased ones, kept even by its bias."""

from __future__ import annotations

import pytest
import torch

from winnow.trainer.config import ModelConfig
from winnow.trainer.experts import MixtureOfExperts
from winnow.trainer.router import Route, Router, correct, load_of, max_violation, sequence_balance


@pytest.fixture
def router(tiny: ModelConfig) -> Router:
    made = Router(tiny)
    torch.nn.init.normal_(made.weight, generator=torch.Generator().manual_seed(0))
    return made


def test_the_bias_chooses_and_the_scores_weigh(router: Router) -> None:
    x = torch.randn(50, 32, generator=torch.Generator().manual_seed(1))
    router.e_score_correction_bias[5] = 10.0
    route = router(x)
    scores = (x @ router.weight.T).sigmoid()
    assert (route.experts == 5).any(dim=1).all()
    for token in range(50):
        chosen = route.experts[token]
        expected = 2.5 * scores[token, chosen] / scores[token, chosen].sum()
        torch.testing.assert_close(route.weights[token], expected)
        rest = sorted(set(range(8)) - {5}, key=lambda e: -scores[token, e].item())[:2]
        assert set(chosen.tolist()) == {5, *rest}


def test_the_mixture_is_the_weighted_sum_of_its_experts(tiny: ModelConfig) -> None:
    layer = MixtureOfExperts(tiny)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(17, 32)
    out, route = layer(x)
    for token in range(17):
        total = layer.shared_experts(x[token])
        for expert, weight in zip(route.experts[token], route.weights[token], strict=True):
            gate, up = (layer.experts.gate_up_proj[expert] @ x[token]).chunk(2)
            total = total + weight * (layer.experts.down_proj[expert] @ (torch.nn.functional.silu(gate) * up))
        torch.testing.assert_close(out[token], total, rtol=1e-4, atol=1e-5)


def test_correction_moves_against_the_sign_of_the_error_by_the_rate(router: Router) -> None:
    load = torch.tensor([5, 5, 5, 9, 1, 5, 5, 5])
    correct(router, load, 0.25)
    assert router.e_score_correction_bias.tolist() == [0, 0, 0, -0.25, 0.25, 0, 0, 0]
    correct(router, load, 0.0)
    assert router.e_score_correction_bias.tolist() == [0, 0, 0, -0.25, 0.25, 0, 0, 0]


def test_correction_evens_out_a_lopsided_load(router: Router) -> None:
    x = torch.randn(2_000, 32, generator=torch.Generator().manual_seed(2)) + 0.5
    first = max_violation(load_of(router(x).experts, 8))
    for _ in range(300):
        correct(router, load_of(router(x).experts, 8), 0.01)
    assert first > 0.3 and max_violation(load_of(router(x).experts, 8)) < 0.1


def test_the_sequence_balance_is_one_a_sequence_when_even_and_more_when_not() -> None:
    even = Route(experts=torch.arange(8).repeat(3)[:, None], weights=torch.ones(24, 1), scores=torch.full((24, 8), 0.5))
    assert sequence_balance(even, [0, 8, 24]).item() == pytest.approx(2.0)
    scores = torch.full((24, 8), 0.1)
    scores[:, 0] = 0.9
    lopsided = Route(experts=torch.zeros(24, 1, dtype=torch.long), weights=torch.ones(24, 1), scores=scores)
    assert sequence_balance(lopsided, [0, 24]).item() == pytest.approx(8 * 0.9 / 1.6)


def test_the_sequence_balance_counts_what_the_scores_prefer_not_where_the_bias_sends() -> None:
    """DeepSeek-V3 report, equation 18: the choice in f is by s alone."""
    scores = torch.full((6, 4), 0.1)
    scores[:, 2] = 0.9
    sent = torch.zeros(6, 1, dtype=torch.long)
    found = sequence_balance(Route(experts=sent, weights=torch.ones(6, 1), scores=scores), [0, 6])
    assert found.item() == pytest.approx(4 * 0.9 / 1.2)


def test_half_precision_leaves_the_correction_bias_in_full(router: Router) -> None:
    router.e_score_correction_bias.fill_(1.001)
    router.to(torch.bfloat16)
    assert router.weight.dtype == torch.bfloat16
    assert router.e_score_correction_bias.dtype == torch.float32
    assert router.e_score_correction_bias[0].item() == pytest.approx(1.001, abs=1e-7)


def test_max_violation_is_the_excess_of_the_fullest_over_the_mean() -> None:
    assert max_violation(torch.tensor([4, 4, 4, 4])) == 0
    assert max_violation(torch.tensor([8, 0, 4, 4])) == 1.0
    assert max_violation(torch.zeros(4)) == 0
