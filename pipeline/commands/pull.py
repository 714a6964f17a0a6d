"""`winnow pull`: bring a published data set, each file proved."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="pull")
@click.argument("address", metavar="ADDRESS")
@click.argument("folder", metavar="FOLDER", required=False)
@click.option("--lock", metavar="DIGEST", help="the digest that its lock must have, as `winnow push` printed it")
def command(address: str, folder: str | None, lock: str | None) -> None:
    """Bring a data set that `winnow push` published at ADDRESS into FOLDER [default: ADDRESS's last part].

    Every file is compared with the lock before it gets its name; a file that is there already, as the lock has it, isn't
    brought again. `winnow-train --run FOLDER`, `winnow inspect FOLDER` and `winnow verify FOLDER` read the folder.
    """
    from winnow.pipeline.proof import publication
    from winnow.stages.run.workspace import Workspace

    folder = folder or address.rstrip("/").rpartition("/")[2].partition("@")[0]
    done = publication.bring(Workspace(address.rstrip("/")), Workspace(folder), lock)
    terminal.say(f"{folder}: {options.transferred(done)}")
    terminal.say(f"lock {done.digest}")
