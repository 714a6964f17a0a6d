"""A power failure, simulated: what no process made sure of may be gone.

POSIX promises a file's bytes after `fsync` of the file, and its name after `fsync` of the folder that holds it. The
journal of `shim/sitecustomize.py` tells of what that was done; everything else is lost or not, as the dice fall.
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Lost:
    """What a failure took: files cut, names undone, folders gone."""

    cut: int = 0
    names: int = 0
    folders: int = 0

    def __str__(self) -> str:
        return f"{self.cut} files cut, {self.names} names undone, {self.folders} folders gone"


@dataclass
class Journal:
    """What was made sure of: sizes of files that were flushed, and names and folders that weren't (in order)."""

    flushed: dict[tuple[int, int], int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # target → source, not yet on the disk
    made: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Journal:
        journal = cls()
        lines = path.read_text("utf-8", "surrogateescape").split("\n") if path.exists() else []
        for line in lines:
            match line.split("\t"):
                case ["sync", device, inode, size]:
                    journal.flushed[int(device), int(inode)] = int(size)
                case ["name", source, target]:
                    journal.names[target] = source
                case ["made", folder]:
                    journal.made.add(folder)
                case ["folder", folder]:
                    journal.names = {t: s for t, s in journal.names.items() if os.path.dirname(t) != folder}
                    journal.made = {path for path in journal.made if os.path.dirname(path) != folder}
        return journal


def lose_power(root: Path, journal: Journal, dice: random.Random) -> Lost:
    """Takes from the files below `root` what a failure could take. Of each thing half the time, of bytes any share."""
    lost = Lost()
    for folder in sorted(journal.made):
        if Path(folder).is_relative_to(root) and Path(folder) != root and os.path.isdir(folder) and dice.random() < 0.5:
            shutil.rmtree(folder)
            lost.folders += 1
    for target, source in sorted(journal.names.items()):
        if Path(target).is_relative_to(root) and os.path.exists(target) and dice.random() < 0.5:
            os.replace(target, source)
            lost.names += 1
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        found = path.stat()
        safe = journal.flushed.get((found.st_dev, found.st_ino), 0)
        if found.st_size > safe and dice.random() < 0.5:
            os.truncate(path, dice.randint(safe, found.st_size - 1))
            lost.cut += 1
    return lost
