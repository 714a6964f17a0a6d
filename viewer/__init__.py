"""The browser for a run: a web page on this machine that shows what became of every document, and why.

runs, tables                  a run's tables as DuckDB views: parts, documents, attributes, drops
seats                         place, id, language and fate of every document, in memory
records                       single documents by their places
asking, words, search         which documents a person asks for, and the index of their words
documents                     one document with all that happened to it
measures, thresholds          histograms of measures; what another threshold would keep
marks                         what in a text made a rule fire, and where two texts differ
evidence, repositories        near-duplicates, benchmark hits, repositories as graphs of imports
sequences                     rows of shards, token by token
labels                        a person's judgements, precision by rule, a training file
sides                         two runs beside each other
pages, application, server    templates, routes, and what listens on the loopback

It only reads a run's files; labels and the index of words lie elsewhere. Texts are shown escaped and inert.
"""
