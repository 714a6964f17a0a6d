"""What happens to a document, in order of travel; each step is a pure function `work(workspace, unit) → counts`.

    ingest/ · containers/ · markup/ · extract/ · dialogues/ · translations/     raw inputs → documents
    passes, decide                                                              measures, and decisions over them
    deduplicate/ · decontaminate/                                               copies, and items of benchmarks
    sample, encode, repositories/ · imports/                                    a tokenizer, tokens, repositories in order
    mixing/                                                                     which document, how often, when
    pack, emit, index                                                           sequences, shards, their global order
    preferences, rejection_sampling                                             what alignment needs besides

What they share: `unit`, `workspace`, `exchange`, `document`, `tokens`, `sequences`, `shards`, `drops`, `chance`, `cuts`,
`inventory`, `layout`, `embedder`. What comes after them: `reader` for trainers, `inspection` for people, `exporters/` for
other trainers' formats.
"""
