"""Winnow: from raw corpora to packed, traceable token shards, and a Mixture-of-Experts trainer that reads them.

The folders at the top of the checkout are the rooms of this package; in a checkout they are linked here, in a wheel they
lie here:

    pipeline/    the conductor: manifest → plan → run → lock → report
    experiments/ mixtures and ablations judged by small models that are trained for them
    viewer/      a run in the browser, where people look at texts and label them
    feeds/       shards for other trainers; what users import of it is in `winnow.torch`
    trainer/     the model, Muon, curriculum, checkpoints, export
    stages/      what happens to a document, in order of travel
    formats/     what raw corpora are written in
    filters/     judgements over Arrow batches, and their compiled kernels
    tokenizer/   text to ids and back
    bounded_yaml the one loader of YAML, for all rooms
    python_syntax the one way to Python's own parser, for what inputs hold
    manifests/   what each training stage is made of, and profiles that say where its inputs lie

What a notebook wants is here: `winnow.open_run`, `measure`, `extract`, `encode` (see `winnow.frames`), loaded when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winnow.frames import Run, encode, extract, measure, open_run

__all__ = ["Run", "encode", "extract", "measure", "open_run"]


def __getattr__(name: str) -> Any:
    """`winnow.frames` loads Polars and compiled kernels, which `winnow --help` doesn't wait for."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("winnow.frames"), name)
    raise AttributeError(f"module 'winnow' has no attribute {name!r}")
