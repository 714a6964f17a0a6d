"""`winnow push`: publish a finished run's shards, tokenizer and lock."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="push")
@options.run_folder
@click.argument("address", metavar="ADDRESS")
@click.option("--name", metavar="NAME", help="what the data set is called in its card [default: ADDRESS's last part]")
@click.option("--no-card", "bare", is_flag=True, help="send no README.md and no croissant.json")
@click.option("--replace", is_flag=True, help="put it in the place of another data set that lies there")
@click.option("--public", is_flag=True, help="a data set that a hub has yet to make is open to all, not private")
def command(run: str, address: str, name: str | None, bare: bool, replace: bool, public: bool) -> None:
    """Publish what RUN made at ADDRESS: hf://datasets/OWNER/NAME, s3://BUCKET/FOLDER, or a folder.

    What travels is lock.json and the files that it proves (shards, tokenizer, preferences), each compared with it on its
    way, and a data card beside them. Documents, rejections and receipts stay with the run. An interrupted transfer goes
    on with the same command; on a hub all appears in one commit. Who pulls it finds by the lock's digest, which is
    printed, whether it is what was pushed.
    """
    from winnow.pipeline.proof import hub, publication
    from winnow.pipeline.reports.card import open_account
    from winnow.pipeline.reports.croissant import cards
    from winnow.stages.run.workspace import Workspace
    from winnow.stages.shards.shard import INDEX

    workspace = options.open_finished(run)
    beside: dict[str, bytes] = {}
    if not bare and INDEX in publication.published(workspace).files:
        account = open_account(run)
        called = name or address.rstrip("/").rpartition("/")[2]
        beside = {file: content.encode() for file, content in cards(account, workspace, name=called).items()}
    if address.startswith(hub.SCHEME):
        done = hub.send(workspace, address, beside, replace=replace, private=not public)
    else:
        done = publication.send(workspace, Workspace(address), beside, replace=replace)
    terminal.say(f"{address}: {options.transferred(done)}")
    terminal.say(f"lock {done.digest}")
