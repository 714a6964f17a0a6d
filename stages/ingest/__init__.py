"""Ingest: one module for each kind of source, named as profiles name it; `source` says what each must answer."""
