"""Sequences: `pack` decides which documents share one, `emit` writes them, `index` fixes their order, `reader` reads them.

patterns, pack           which lengths fill a sequence; which documents share one, and where
sequences, shard, emit   packed sequences in memory; files of them; from tokens to files
index, reader            the global order; sequences for one rank of many
inspection, exporters/   for people; for other trainers
"""
