"""Manifest and profile for folders that nobody has described: looked over, guessed at, written with a comment each."""
