"""Any Hugging Face `tokenizer.json` as an encoder, to continue from a model that exists."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
import pyarrow as pa
import tokenizers

from winnow.tokenizer.aliases import aliases_of, renamed
from winnow.tokenizer.conventions import prefix_of
from winnow.tokenizer.encoder import Encoded, Encoder, EncoderError, Marked, gather, strings
from winnow.tokenizer.files import Files
from winnow.tokenizer.spellings import spellings_of


class HuggingFaceEncoder(Encoder):
    """Encodes with the `tokenizers` library: the ids that it gives with `add_special_tokens=False`.

    But text never yields a special token (but the one for the unknown): what spells one is encoded as the characters it
    consists of. Added tokens that aren't special, such as GPT-NeoX's runs of spaces, are found in text as the file says.
    """

    def __init__(self, files: Files) -> None:
        try:
            self._fields = json.loads(files.content)
            if not isinstance(self._fields, dict) or "model" not in self._fields:
                raise ValueError("it has no `model`, which the library's `save` writes")
            aliases = aliases_of(t["content"] for t in self._fields.get("added_tokens") or () if t["special"])
            self._text = tokenizers.Tokenizer.from_str(json.dumps(renamed(self._fields, aliases)))
            names = {alias: name for name, alias in aliases.items()}
            added = self._text.get_added_tokens_decoder()
            tokens = {names.get(token.content, token.content): number for number, token in sorted(added.items())}
            special = {name: number for name, number in tokens.items() if added[number].special}
            beginning = prefix_of(self._fields.get("post_processor"))
            spellings = spellings_of(self._text, self._fields, names)
        except Exception as error:  # the library raises plain Exception for whatever it can't read
            raise EncoderError(f"{files.path} is not a tokenizer.json: {error}") from error
        super().__init__(files=files, special=special, spellings=spellings, added=tokens, beginning=beginning)

    def encode_marked(self, texts: Sequence[str], marks: Sequence[str], ids_of: Mapping[str, int]) -> Marked:
        """As the library encodes the whole: marks may eat the spaces around them, and only a beginning has its prefix."""
        tokenizer, aliases = self._with_aliases(tuple(sorted(ids_of)))
        segments = [part for pair in zip(texts, (*(aliases[mark] for mark in marks), ""), strict=True) for part in pair]
        begins = list(accumulate(map(len, segments), initial=0))
        encoding = tokenizer.encode("".join(segments), add_special_tokens=False)
        places = []
        for start, end in encoding.offsets:
            segment = bisect_right(begins, start, hi=len(segments)) - 1
            if segment % 2 == 0 and end > begins[segment + 1]:  # the spaces before a mark that eats them
                segment, start = segment + 1, begins[segment + 1]
            places.append((segment, start - begins[segment], end - begins[segment]))
        places = [(n, 0, len(marks[n // 2])) if n % 2 else (n, start, end) for n, start, end in places]
        return Marked(np.array(encoding.ids, self.dtype), np.array(places, np.int64).reshape(-1, 3))

    @lru_cache(maxsize=2)  # noqa: B019 (an encoder lives as long as its process)
    def _with_aliases(self, names: tuple[str, ...]) -> tuple[tokenizers.Tokenizer, dict[str, str]]:
        """The tokenizer with these names, too, out of the reach of texts."""
        aliases = aliases_of({*self.special, *names})
        return tokenizers.Tokenizer.from_str(json.dumps(renamed(self._fields, aliases))), aliases

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        return gather(
            (
                encoding.ids
                for batch in strings(texts)
                for encoding in self._text.encode_batch_fast(batch, add_special_tokens=False)
            ),
            self.dtype,
        )
