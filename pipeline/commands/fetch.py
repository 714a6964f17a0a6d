"""`winnow fetch`: brings the pinned downloads of a profile."""

from __future__ import annotations

import click

from winnow.pipeline import terminal
from winnow.pipeline.commands import options


@click.command(name="fetch")
@options.stage
@options.profile
def command(manifest: str, profile: str) -> None:
    """Bring the files that a profile pins, checked by their SHA-256, from the index that pip is configured for.

    `winnow run` does the same before it starts; this is for machines that lose the network afterwards.
    """
    from winnow.pipeline.configuration.settings import load_settings
    from winnow.pipeline.running.conductor import fetch_downloads

    console = terminal.console()
    settings = load_settings(manifest, profile)
    fetch_downloads(settings, console)
    console.print(f"All {len(settings.profile.downloads)} pinned files are in {settings.profile.root}/.")
