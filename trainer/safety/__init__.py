"""Safety: how often a served model refuses what it should refuse, and what it shouldn't.

prompts   sets of prompts, each to be refused or answered, by category
refusal   whether an answer refuses
rules     filters on what is asked, before the model, and on what it answers, after it
written   the YAML of both, read
command   `winnow-train safety`: asks a server, prints rates by category with their intervals
"""
