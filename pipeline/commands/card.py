"""`winnow card`: data card, Croissant file and model card of a run."""

from __future__ import annotations

from pathlib import Path

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="card")
@options.run_folder
@click.option(
    "--out", callback=options.here, metavar="DIR", help="where the cards are written [default: RUN.card beside the run]"
)
@click.option("--name", metavar="NAME", help="what the data set is called [default: the run's folder]")
@click.option("--base", default="", metavar="URL", help="where the data set will lie, for addresses in croissant.json")
@click.option("--model", metavar="DIR", help="folder of a training on RUN, for the model card")
def command(run: str, out: str | None, name: str | None, base: str, model: str | None) -> None:
    """Write what a publisher is asked of RUN, from its lock: README.md, croissant.json and MODEL.md.

    README.md is a data card with Hugging Face's front matter: composition asked and built, inputs and licences, every rule
    with its bounds and what it dropped, de-duplication, decontamination, personal data, limits. croissant.json describes
    the files for MLCommons' tools; each shard is read once for its SHA-256. With the folders of RUN/shards beside them they
    are a data set to publish. MODEL.md is for a model that was trained on
    the shards. What a lock can't prove isn't told: safety, benchmarks, hardware, cost.
    """
    from winnow.pipeline.reports.card import MODEL_CARD, model_card, open_account, trained_in
    from winnow.pipeline.reports.croissant import cards
    from winnow.stages.run.workspace import Workspace

    account = open_account(run)
    trained = trained_in(Path(model)) if model is not None else None
    workspace = Workspace(run)
    folder = Path(out or f"{run.rstrip('/')}.card" if "://" not in run else out or Path(run).name)
    called = name or run.rstrip("/").rpartition("/")[2]
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        **cards(account, workspace, name=called, base=base),
        MODEL_CARD: model_card(account, called, trained),
    }
    for file, content in written.items():
        (folder / file).write_text(content, "utf-8")
        terminal.say(str(folder / file))
