"""Benchmarks on files that the user brings: asked, graded, and told apart by what the training data hold of them.

questions   items of HumanEval, MBPP, GSM8K, MATH, AIME, GPQA as questions, each kind known by its keys
grading     whether an answer is right; programs are run in the sandbox
answers     what an export answers, by transformers
harness     the same files by lm-evaluation-harness, under its own definitions
scores      shares of right answers, of items that the training data hold and of others
command     `winnow-train benchmark`
"""
