"""Hand-off: conversations, prompts and pairs of a finished run, in the files that trainers of conversations read.

rows      what a run has to give: each surviving conversation, prompt or pair once
labels    which grader of slime credits a label, and what a prompt must ask for
forms     a row as messages, slime, TRL or LLaMA-Factory want it
writing   one file of JSON lines, and what was left out of it
"""
