"""Local workers as a run starts them, which live on when it ends: prints their scheduler's address, ends with its input."""

from __future__ import annotations

import sys

from winnow.pipeline.running.cluster import connect


def main() -> None:
    with connect(workers=int(sys.argv[1]), scheduler=None) as client:
        print(client.scheduler.address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
