"""Whole repositories: from files to one ordered, licensed sequence.

languages, vendored     what a file is, and whether anybody wrote it there
licenses, grants        SPDX expressions, and which of them holds for a file
forks                   repositories that say the same
reading                 a file by itself: its imports, its tokens
assembly, pieces        sequences of files, by the edges that `winnow.formats.languages.imports` finds
repository, evidence    the steps of a run, and what they record
order                   one repository alone, for `winnow order`
"""
