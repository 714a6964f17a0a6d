"""The ground of every stage: what a unit of work is, where its files lie, and how parts learn of each other.

unit         a step, its units, what they read and are asked to do
workspace    the files of a run, written whole or not at all
digests      what proves a file
paths        size or digest of each of millions of files
exchange     keyed rows from every part to every bucket
drops        which documents are out, and why
chance       draws that follow from (seed, document id, purpose)
inventory    which raw inputs were read
"""
