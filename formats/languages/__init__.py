"""Programming languages: `parsing` by tree-sitter, `imports/` between files, and what is `vendored`, built or generated.

Their names are one table, `filters/linguist.py`.
"""
