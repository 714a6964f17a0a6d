"""Decontamination: documents that hold items of benchmarks are dropped, each hit recorded and reviewable.

known       which keys of HumanEval, MBPP, GSM8K, MATH, AIME, GPQA … hold what
items       benchmarks read from JSON, CSV and Parquet: question, answer, passage
index       their n-grams, and what an entry of the index is
coverage    how many terms n-grams cover together
matching    the n-grams of a part's documents looked up in the index
judging     which matches are contamination: overlap, with boilerplate taken out
steps       the steps in order, and what is dropped
review      hits printed side by side
held        which items the documents of a finished run hold, asked afterwards
"""
