"""Feeds: shards as other trainers want them. What users import of it stands in `winnow.torch`.

schedule     which phase gives the next batch: phases in order, or blended
dataset      an iterable data set and one by number, for ranks and loader workers
collators    rows as a batch for transformers, TRL, torchtitan, nanotron
"""
