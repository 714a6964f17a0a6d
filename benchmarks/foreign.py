"""Foreign tokenizer files beside the `tokenizers` library: which texts differ, what special tokens can be forged, how fast.

python -m benchmarks.foreign tokenizer.json… --texts docs/*.md
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import pyarrow as pa
from tokenizers import Tokenizer

from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.load import load

RANDOM_TEXTS = 2000
RANGES = ((0x20, 0x7F), (0x4E00, 0x9FFF), (1, 0xD7FF), (0x20, 0x21), (0x0A, 0x0B), (0x2581, 0x2582))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--texts", nargs="+", metavar="FILE", required=True, help="texts in UTF-8")
    asked = parser.parse_args()
    drawn = random.Random(1)
    texts = [Path(name).read_text(encoding="utf-8", errors="replace") for name in asked.texts]
    texts += ["".join(chr(drawn.randrange(*drawn.choice(RANGES))) for _ in range(60)) for _ in range(RANDOM_TEXTS)]
    print(f"{len(texts):,} texts, {sum(len(text.encode()) for text in texts):,} bytes")
    for name in asked.files:
        print(f"{name}: {compare(name, texts)}")


def compare(name: str, texts: list[str]) -> str:
    """One line on a file: differing texts, texts in which the library found a special token, forgeries, seconds."""
    library = Tokenizer.from_file(name)
    library.no_truncation()
    library.no_padding()
    encoder = load(name)
    added = library.get_added_tokens_decoder()
    special = {number for number, token in added.items() if token.special}
    start = time.perf_counter()
    expected = [encoding.ids for encoding in library.encode_batch_fast(texts, add_special_tokens=False)]
    middle = time.perf_counter()
    found = _ids(encoder, texts)
    end = time.perf_counter()
    plain = [place for place, ids in enumerate(expected) if special.isdisjoint(ids)]
    differing = sum(expected[place] != found[place] for place in plain)
    forged = sum(not special.isdisjoint(found[place]) for place in set(range(len(texts))) - set(plain))
    forged += sum(not special.isdisjoint(_ids(encoder, [f"a {added[number].content} b"])[0]) for number in special)
    return (
        f"{differing} of {len(plain):,} texts differ, {forged} forged of {len(special):,} special tokens; "
        f"library {middle - start:.1f} s, ours {end - middle:.1f} s"
    )


def _ids(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    encoded = encoder.encode(pa.array(texts, pa.large_string()))
    return [encoded.ids[a:b].tolist() for a, b in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)]


if __name__ == "__main__":
    main()
