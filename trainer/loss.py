"""Cross-entropy of the output head without its logits: T × vocabulary floats never exist at once."""

from __future__ import annotations

from typing import Any

import torch

CHUNK_BYTES = 8 << 20  # of logits that exist at a time: they are read five times, so they should stay in a cache


def head_loss(state: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the cross-entropies of `state @ weight.T` [T, V] against targets int64 [T], and each of them [T], fp32.

    The gradient is formed in the same pass, chunk by chunk (three matrix products, no recomputation); only the sum
    carries it.
    """
    return _HeadLoss.apply(state, weight, targets)


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, state: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        losses = torch.empty(len(state), dtype=torch.float32, device=state.device)
        wanted = ctx.needs_input_grad[0]
        d_state = torch.empty_like(state) if wanted else None
        d_weight = torch.zeros_like(weight, dtype=torch.float32) if wanted else None
        chunk = min(len(state), max(64, CHUNK_BYTES // (4 * len(weight))))
        logits = state.new_empty(
            (chunk, len(weight))
        )  # written again and again: fresh memory costs as much as a product
        normalized = torch.empty_like(logits, dtype=torch.float32)
        for start in range(0, len(state), max(1, chunk)):
            part = slice(start, start + chunk)
            rows = len(state[part])
            product = torch.mm(state[part], weight.T, out=logits[:rows])
            logarithms = torch.log_softmax(product, dim=-1, dtype=torch.float32, out=normalized[:rows])
            chosen = targets[part, None]
            losses[part] = -logarithms.gather(1, chosen).squeeze(1)
            if d_state is None or d_weight is None:
                continue
            gradient = logarithms.exp_()
            gradient.scatter_add_(1, chosen, gradient.new_full((1, 1), -1.0).expand_as(chosen))
            gradient = gradient.to(state.dtype)
            torch.mm(gradient, weight, out=d_state[part])
            if d_weight.dtype == gradient.dtype:
                d_weight.addmm_(gradient.T, state[part])
            else:
                d_weight += gradient.T @ state[part]
        if d_state is not None and d_weight is not None:
            ctx.save_for_backward(d_state, d_weight.to(weight.dtype))
        ctx.mark_non_differentiable(losses)
        return losses.sum(), losses

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        d_state, d_weight = ctx.saved_tensors
        return d_state.mul_(gradient), d_weight.mul_(gradient), None
