"""The trainer: a faithful small GLM-4.5, trained on shards by Muon, on one CPU or many GPUs.

model, block, attention, rotary, norm, feedforward, router, experts, prediction, loss       the model
config, settings, recipe, schedule, curriculum, start                                       what is asked
data, batch, muon, optimizer, parallel, tensor_parallel, loop, checkpoint, storage,         how it is trained
history, train
held_out, evaluate, drafts, consumed, report, printing, export                              what comes of it
alignment                                                                                   a reward model, GRPO
serving                                                                                     GGUF, fewer bits
command, budget, plan                                                                       winnow-train; what it takes
"""
