"""What happens to a document, in order of travel; each step is a pure function `work(workspace, unit) → counts`.

run/                                     the ground: units, workspace, exchange, drops, chance, inventory
ingest/                                  raw inputs → documents, one module for each kind of source
passes, measuring, decide                documents, their measures, decisions over them
deduplicate/ · decontaminate/            copies, and items of benchmarks
tokens/ · repositories/                  a tokenizer, tokens, repositories in order
mixing/, consumed                        which document, how often, when; not what a model has read
shards/                                  sequences, shards, their global order; readers and exporters
generate/                                what a model answers to prompts made from documents
preferences, rejection_sampling          what alignment needs besides
document, layout                         the schema of documents; a user's own files laid out as parts
"""
