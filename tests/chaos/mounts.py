"""A file system of a folder's own: so small that it fills up, or one that can't be written any more from a moment on."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Mounted:
    """A file system in memory of so many bytes in a folder's place, with the folder's files; copied back at the end."""

    folder: Path
    size: int
    _beside: Path = field(init=False)
    _covered: bool = False

    def __enter__(self) -> Mounted:
        self._beside = self.folder.with_name(self.folder.name + ".beside")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.rename(self._beside)
        self.folder.mkdir()
        _call("mount", "-t", "tmpfs", "-o", f"size={max(self.size, 8192)}", "tmpfs", str(self.folder))
        _call("cp", "-a", f"{self._beside}/.", str(self.folder), check=False)
        return self

    def refuse_writes(self) -> None:
        """From now on nothing can be written by its path: the folder is covered by itself, read-only.

        The file system can't be made so while somebody holds a file of it open, and a run holds one all the time.
        """
        _call("mount", "--bind", str(self.folder), str(self.folder))
        self._covered = True
        for _ in range(200):  # a file that was opened between the two keeps it writable
            again = ["mount", "-o", "remount,bind,ro", str(self.folder)]
            if subprocess.run(again, capture_output=True).returncode == 0:
                return
            time.sleep(0.01)

    def __exit__(self, *error: object) -> None:
        if self._covered:
            _call("umount", "-l", str(self.folder))
        _call("rm", "-rf", str(self._beside))
        self._beside.mkdir()
        _call("cp", "-a", f"{self.folder}/.", str(self._beside))
        _call("umount", "-l", str(self.folder))
        self.folder.rmdir()
        self._beside.rename(self.folder)


def _call(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True)
