"""Experiments: data decisions that a run makes by itself, on small models that it trains for them.

corpus, windows                   a finished run as material; its documents in windows of a proxy's length
held_out, overlap, pool, material text that no proxy sees; what they train on, thinned to matched repetition; both in order
remix, proxy                      a mixture as shards, from tokens that are there; a small model on them, and what it scores
feasibility, design               which mixtures a full run can have; which of them are tried
regression, optimum               loss as a function of shares; the best shares under caps and floors
search, found, page               `winnow mix search`: from a run to a manifest with its evidence, and a page of it
arms, ablation, verdict           `winnow ablate`: runs side by side, and what sets them apart by more than seeds do

Each proxy is a unit with a receipt, worked by Dask: what is done stays done, whoever is killed.
"""
