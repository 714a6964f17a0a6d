"""A model in the pipeline: prompts made from documents, and what a server answers to them.

settings       what a manifest says of generation, and a profile of servers
prompts        a document as the messages of a request; the prompts that Winnow brings
server         one OpenAI-compatible server over HTTP: tries, waits, and what its answers mean
kept           answers as they come, so that nothing is asked for twice
asking         the step that asks: one answer a row beside the parts
finals         the final answer of a text, and whether two are equal
judging        the step that reads, grades and chooses: new records, and rejections by name
"""
