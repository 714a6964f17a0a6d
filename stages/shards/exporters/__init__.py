"""Exporters: a run's shards in the formats of other trainers, one module a format.

Each module has `export(index_path, phases, target, …)`, which reads the phases one after another as they were written, in
bounded memory, and returns what it wrote: `{"sequences": …, "tokens": …}`. None overwrites anything. Further arguments are
options of the format, by keyword; `winnow export` finds them in the signature.

found                        the exporters that there are, by name; one's options
documents                    cut documents joined again or ended, for formats of documents; the table beside them
megatron, datatrove, olmo    documents: Megatron-LM's indexed data set; datatrove's and nanotron's files; OLMo-core's
mosaic, jsonl, parquet       packed rows: MosaicML Streaming; JSON lines; plain columns for `datasets`
"""
