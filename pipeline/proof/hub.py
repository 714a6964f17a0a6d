"""Publishing a run on a hub of data sets (`hf://datasets/NAME`): one commit, which is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.lock import PATH
from winnow.pipeline.proof.publication import Transfer, differs, other_lock, published
from winnow.stages.run.workspace import Workspace, digest_file

SCHEME = "hf://"


def send(
    run: Workspace, address: str, cards: Mapping[str, bytes], *, replace: bool = False, private: bool = True
) -> Transfer:
    """Publishes what a run on this machine's disk holds, with `cards`, as a data set; makes it where there is none.

    A data set that is made is `private` or open to all. Files that the hub has are not sent again. Raises
    `ConfigurationError` as `publication.send` does, and for what isn't the address of a data set.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    name, revision = data_set(address)
    ours = published(run)
    if not run.is_local:
        raise ConfigurationError(
            f"{run.root}: a hub takes files of a disk; `winnow pull {run.root} FOLDER` brings them"
        )
    for path, digest in ours.files.items():
        if not run.exists(path) or digest_file(run, path) != digest:
            raise differs(run, path)
    api = HfApi(library_name="winnow")
    api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
    there = set(api.list_repo_files(name, repo_type="dataset", revision=revision))
    stale: set[str] = set()
    if PATH in there:
        before = published(Workspace(address))
        if before.content != ours.content and not replace:
            raise other_lock(address, before, ours)
        stale = (before.files.keys() - ours.files.keys()) & there
    operations: list[Any] = [CommitOperationAdd(path, run.path(path)) for path in sorted(ours.files)]
    operations += [CommitOperationAdd(path, content) for path, content in {**cards, PATH: ours.content}.items()]
    operations += [CommitOperationDelete(path) for path in sorted(stale)]
    stage = json.loads(ours.content)["manifest"]["stage"]
    api.create_commit(
        name,
        operations,
        repo_type="dataset",
        revision=revision,
        commit_message=f"Shards of {stage}, lock {ours.digest}",
    )
    return Transfer(ours.digest, len(ours.files), 0, sum(run.size(path) for path in ours.files))


def data_set(address: str) -> tuple[str, str | None]:
    """The name and, after an `@`, the revision of a data set. Raises `ConfigurationError` for what is none."""
    kind, _, rest = address.removeprefix(SCHEME).partition("/")
    name, _, revision = rest.rstrip("/").partition("@")
    if kind != "datasets" or name.count("/") != 1 or not all(name.split("/")):
        raise ConfigurationError(
            f"{address} isn't the address of a data set: hf://datasets/OWNER/NAME, or …/NAME@BRANCH"
        )
    return name, revision or None
