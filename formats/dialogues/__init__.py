"""Conversations: their one schema, the dialects they are published in, and those made of a package's documentation.

dialogue, values                    the schema, and the JSON it is made of
thoughts                            what an assistant thinks, apart from what it says
identity                            what a conversation teaches, by which two are told apart
dialects, turns                     the forms in which conversations are published, and those of a single turn
forms                               published forms that are a dialect under other names
transcripts, trees, calls           whole talks as one text or as a tree; calls that stand in what is said
manuals, sessions, implementations  what a package holds: pages, interactive sessions, documented functions
talks, questions, verifiable        what is made of them: talks, questions, prompts with answers to check
"""
