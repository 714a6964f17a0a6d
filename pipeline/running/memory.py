"""The most memory that this process has held since it was last asked to forget, as Linux counts it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

FORGET = "5"  # proc(5), clear_refs: the peak resident size is set to what it is now
KIBIBYTE = 1024


def forget_peak() -> None:
    """Begins anew; elsewhere than on Linux there is nothing to forget."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET)


def peak() -> int:
    """The highest resident bytes since then; 0 where nobody counts them."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KIBIBYTE
    return 0
