"""De-duplication, level by level: url, exact, lines, minhash, scripts, semantic (repositories: `stages/deduplicate/forks.py`).

Every level is a short list of steps over the parts of a run (`<level>.plan`), each step a list of units, joined by
exchanges. A level reads the documents that earlier levels left, names those that go in `drops/deduplicate.<level>/`,
each with the id of the document that stays and how similar the two are, and writes beside every part how large each
document's cluster was (`clusters/deduplicate.<level>/`), so that a manifest can weight by it.

    contender   who competes: the documents still there, with what the preference asks
    address     where a document lies, as exchange key
    equal       documents with an equal key: one stays                      (url, exact)
    content     what is compared: words, numbers where they matter, what a conversation teaches
    signature   MinHash signatures of a part, and their files
    bands       band keys of signatures
    candidates  pairs that share a band, without quadratic work
    verify      the true Jaccard similarity of candidate pairs
    survivor    who stays: every document that goes reaches the threshold with one that stays
    components  connected components as an exchange, when the pairs exceed one worker
    verdict     from who stays to drops and cluster sizes
    index       what a later run needs of this one
    scripts     near-duplicates across traditional and simplified Chinese, by the same steps
    orthography in which of the two a text is written
    datasketch  signatures to and from that library
    lines       lines and paragraphs that many documents share
    semantic    SemDeDup on embeddings
    files       any level alone, on files of the user's own
"""
