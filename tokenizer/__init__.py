"""The tokenizer: text to ids and back, losing nothing.

encoder, load, files                      the one face of all encoders, and the engine for a file
conventions                               what the files say: which tokens end, begin and pad a text
bpe: units, windows, merges, vocabulary   our own encoder, with sentencepiece's ids
pieces, hugging_face                      sentencepiece itself; any `tokenizer.json`, with the library
aliases, spellings                        its special tokens out of the reach of texts; the bytes of its ids
train, export, evaluate                   a new one: made, handed over, judged
special, chat, template, turns, infill    special tokens, conversations by a chat template, filling in the middle
"""
