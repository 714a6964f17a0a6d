"""A proxy that is killed goes on from its checkpoint and ends as if it never had been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.conftest import here
from winnow.experiments import pool, proxy
from winnow.experiments.corpus import Corpus, open_corpus
from winnow.experiments.feasibility import mixture_with
from winnow.experiments.material import prepare
from winnow.experiments.proxy import Model, proxy_unit, read_scored, train_proxy
from winnow.experiments.remix import Recipe, asked_tokens
from winnow.pipeline.running.progress import RunProgress
from winnow.pipeline.running.runner import Runner
from winnow.pipeline.terminal import console
from winnow.stages.run.unit import Unit, Unworkable
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.emit import Method
from winnow.trainer.loop import Training

MODEL = Model(preset="smallest", steps=12, batch_tokens=512, learning_rate=8e-3)
SOURCES = ("prose", "sums")


@pytest.fixture(scope="module")
def prepared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Corpus]:
    workspace = Workspace(str(tmp_path_factory.mktemp("proxy")))
    corpus = open_corpus(str(finished), "run")
    with RunProgress(console()) as progress, Runner(workspace, here, progress) as runner:
        share = MODEL.tokens / corpus.tokens
        prepare(runner, [corpus], {corpus: share}, (), length=128, held_out_tokens=512, seed=0)
    return workspace, corpus


def unit(corpus: Corpus, name: str, *, share: float = 0.5, rows: int = 48) -> Unit[Any]:
    import numpy as np

    mixture = mixture_with(corpus.mixture, SOURCES, np.array([share, 1 - share]), asked_tokens(rows, 128))
    recipe = Recipe(mixture=mixture, method=Method.BEST_FIT, length=128, rows=rows, loss_mask=False, seed=0)
    return proxy_unit(name, pool=pool.pool_files(corpus), recipe=recipe, model=MODEL, seed=1)


def test_a_killed_proxy_goes_on_from_its_checkpoint_to_the_same_scores(
    prepared: tuple[Workspace, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, corpus = prepared
    worked: list[int] = []
    step = Training._step

    def dying(self: Training, planned: Any, batches: Any) -> Any:
        worked.append(planned.number)
        if len(worked) == 8:
            raise KeyboardInterrupt
        return step(self, planned, batches)

    monkeypatch.setattr(Training, "_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train_proxy(workspace, unit(corpus, "killed"))
    assert not workspace.exists("proxies/killed.json")
    train_proxy(workspace, unit(corpus, "killed"))
    assert worked == [
        *range(8),
        *range(6, 12),
    ]  # a checkpoint every third step: what came after the sixth is done again
    train_proxy(workspace, unit(corpus, "whole"))
    killed, whole = (read_scored(workspace, name) for name in ("killed", "whole"))
    assert killed.bits_per_byte == whole.bits_per_byte and killed.sources == whole.sources
    assert not workspace.list("work")


def test_a_pool_with_held_out_text_is_refused(
    prepared: tuple[Workspace, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, corpus = prepared
    some = workspace.read_table("pools/run/prose.parquet")["id"][0].as_py().rpartition(":")[0]
    kept = workspace.read_bytes("held_out/excluded.json")
    workspace.write_bytes("held_out/excluded.json", json.dumps([*json.loads(kept), some]).encode())
    try:
        with pytest.raises(Unworkable, match=f"{some}, which is held out"):
            train_proxy(workspace, unit(corpus, "void"))
    finally:
        workspace.write_bytes("held_out/excluded.json", kept)


def test_a_pool_too_small_for_the_mixture_is_told(prepared: tuple[Workspace, Corpus]) -> None:
    workspace, corpus = prepared
    with pytest.raises(Unworkable, match="fewer steps"):
        train_proxy(workspace, unit(corpus, "large", rows=4000))
    assert proxy.proxy_path("large") not in workspace.list("proxies")
