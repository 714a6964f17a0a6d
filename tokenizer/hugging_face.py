"""Any Hugging Face `tokenizer.json` as an encoder, to continue from a model that exists."""

from __future__ import annotations

import json

import pyarrow as pa
import tokenizers

from winnow.tokenizer.aliases import aliases_of, renamed
from winnow.tokenizer.conventions import prefix_of
from winnow.tokenizer.encoder import Encoded, Encoder, EncoderError, gather, strings
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

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Encoded:
        return gather(
            (
                encoding.ids
                for batch in strings(texts)
                for encoding in self._text.encode_batch_fast(batch, add_special_tokens=False)
            ),
            self.dtype,
        )
