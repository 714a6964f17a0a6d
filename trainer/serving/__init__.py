"""Serving: what comes after an export.

gguf       `winnow-train gguf`: one file for llama.cpp, by its own converter
quantize   `winnow-train quantize`: the export in fewer bits by several tools, and what each costs
llama      a program for the environment of llama.cpp: its server, perplexity and speed
compress   a program for that of llm-compressor: FP8, INT8, INT4
"""
