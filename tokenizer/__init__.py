"""The tokenizer: text to ids and back, losing nothing.

encoder, load                             the one face of all encoders, and the engine for a file
bpe: units, windows, merges, vocabulary   our own encoder, with sentencepiece's ids
pieces, hugging_face                      sentencepiece itself; any `tokenizer.json`
train, export, evaluate                   a new one: made, handed over, judged
special, chat, infill                     special tokens, conversations, filling in the middle
"""
