"""Licences as SPDX expressions (`expressions`), and which of them holds for a file of a repository (`grants`)."""
