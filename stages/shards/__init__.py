"""Sequences: `pack` decides which documents share one, `emit` writes them, `index` fixes their order, `reader` reads them.

patterns, pack           which lengths fill a sequence; which documents share one, and where
sequences, shard, emit   packed sequences in memory; files of them; from tokens to files
index, card              the order of the files; what Hugging Face `datasets` wants to know of them
order, files, reader     lanes of row groups, for any number of ranks; shards as the index has them; sequences for one rank
columns                  positions, labels and bounds of documents, as trainers want them
inspection, tracing      rows for people; from a token back to its file and line
exporters/               for other trainers
"""
