"""Conversations: their one schema, the dialects they are published in, and those made of a package's documentation.

dialogue, dialects                  the schema, and what is brought to it
manuals, sessions, implementations  what a package holds: pages, interactive sessions, documented functions
talks, questions, verifiable        what is made of them: talks, questions, prompts with answers to check
"""
