"""Fuzzes one target in this process, led by the coverage of our own code: `python -m tests.fuzz.one TARGET [libFuzzer's options]`.

Compiled loops check their bounds here, which they don't in a run, and lie in a cache of their own. What a target raises
is written down once for each place and kind, and the fuzzer goes on; a crash, a hang or too much memory ends the process,
and libFuzzer writes down the input.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import traceback
from pathlib import Path

os.environ["NUMBA_BOUNDSCHECK"] = "1"

import atheris

from tests.fuzz.harm import harm
from winnow.filters.kernels import cache

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "fuzz" / "found"
cache.kernels = lambda: ROOT / "build" / "fuzz" / "kernels"


def compiled() -> list[str]:
    """Modules that hold loops for numba, which can't compile what a fuzzer puts into them."""
    own = ROOT / "src" / "winnow"
    paths = [path for path in own.glob("*/**/*.py") if re.search(r"^ *@kernel|kernel\(", path.read_text("utf-8"), re.M)]
    return [".".join(path.relative_to(own.parent).with_suffix("").parts) for path in paths]


def site(error: BaseException) -> str:
    """The innermost line of ours that an error passed through, and its type: what tells one defect from another."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/winnow/" in frame.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"


def main() -> None:
    from tests.fuzz.targets import TARGETS

    name = sys.argv.pop(1)
    target = TARGETS[name]
    FOUND.mkdir(parents=True, exist_ok=True)

    def look(content: bytes) -> None:
        try:
            target.look(content)
        except Exception as error:
            place = f"{name}-{site(error)}"
            if not (FOUND / f"{place}.traceback").exists():
                (FOUND / f"{place}.input").write_bytes(content)
                (FOUND / f"{place}.traceback").write_text(traceback.format_exc())

    def change(content: bytes, most: int, seed: int) -> bytes:
        return harm(name, content, most, seed, atheris.Mutate)

    seeds = ROOT / "build" / "fuzz" / "seen" / name
    seeds.mkdir(parents=True, exist_ok=True)
    for sound in target.sound:
        (seeds / hashlib.blake2b(sound, digest_size=8).hexdigest()).write_bytes(sound)
    options = ["-timeout=300", "-rss_limit_mb=4096", "-max_len=65536", f"-artifact_prefix={FOUND}/{name}-"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:], str(seeds)], look, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    with atheris.instrument_imports(include=["winnow"], exclude=compiled()):  # what is imported later, too
        main()
