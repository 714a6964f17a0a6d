"""Exporters: a run's shards in the formats of other trainers, one module a format.

Each module has `export(index_path, phase, target)`, which reads the phase in its global order, in bounded memory, and
returns the number of sequences and tokens that it wrote.
"""
