"""Two workers of a real Dask cluster, for all tests of a module, and a runner over them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from distributed import Client

from tests.pipeline.conftest import Silence
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.running.cluster import connect
from winnow.pipeline.running.runner import Runner
from winnow.stages.run.unit import Step, Unit
from winnow.stages.run.workspace import Workspace


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(workers=2, scheduler=None, allowed_failures=1) as client:
        yield client


@pytest.fixture
def run(workspace: Workspace, client: Client) -> Any:
    os.makedirs(workspace.root, exist_ok=True)

    @contextmanager
    def cluster() -> Iterator[Client]:
        yield client

    def work(*steps: tuple[Step[Any], list[Unit[Any]]]) -> list[list[Receipt]]:
        with Runner(workspace, cluster, Silence()) as runner:
            return [runner.run(step, units) for step, units in steps]

    return work
