"""slime's own data set class and graders on the prompts of a run: are all rows read, all right answers credited?

    python -m benchmarks.handoff --slime CLONE --run runs/rl

Of slime only what reads and grades is loaded; what its cluster needs is left empty. Its graders need `pylatexenc` and
`sympy` (`make handoff` installs them).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import click

from winnow.stages.handoff.writing import hand_off
from winnow.stages.run.workspace import Workspace

CLUSTER = ("ray", "aiohttp", "sglang", "sglang_router", "httpx", "wandb")
WRONG = "no answer at all"


class Empty(types.ModuleType):
    """A module in which whatever is asked for is there and is nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def modules(clone: str) -> tuple[Any, Any]:
    """`slime.utils.data` and `slime.rollout.rm_hub` of a clone."""
    sys.path.insert(0, clone)
    for name in CLUSTER:
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = Empty(name)
    return importlib.import_module("slime.utils.data"), importlib.import_module("slime.rollout.rm_hub")


def graded(hub: Any, sample: Any, answer: str) -> float:
    sample.response = answer
    options = types.SimpleNamespace(custom_rm_path=None, rm_type=None)
    return float(asyncio.run(hub.async_rm(options, sample)))


@click.command()
@click.option("--slime", required=True, type=click.Path(exists=True, file_okay=False), help="A clone of slime.")
@click.option("--run", required=True, help="A finished run of rl.")
def main(slime: str, run: str) -> None:
    data, hub = modules(slime)
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "prompts.jsonl")
        written, left_out = hand_off(Workspace(run), "slime", target)
        read = data.Dataset(target, None, None, None, prompt_key="prompt", label_key="label", tool_key="tools")
    samples = read.origin_samples
    right = [graded(hub, sample, f"I think it is \\boxed{{{sample.label}}}.") for sample in samples]
    wrong = [graded(hub, sample, f"I think it is \\boxed{{{WRONG}}}.") for sample in samples]
    click.echo(f"{written:,} written, {len(samples):,} read by slime; left out: {left_out or 'none'}")
    credited = [sum(reward == 1 for reward in rewards) for rewards in (right, wrong)]
    click.echo(f"credited: {credited[0]:,} right answers, {credited[1]:,} wrong")
    if len(samples) != written or min(right) < 1 or max(wrong) >= 1:
        uncredited = [sample.label for sample, reward in zip(samples, right, strict=True) if reward < 1]
        raise SystemExit(f"not all is as it should be: {uncredited[:5]}")


if __name__ == "__main__":
    main()
