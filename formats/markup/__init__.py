"""What text is written in, read into Markdown: LaTeX, reStructuredText, Markdown, EPUB, PDF, plain books.

latex: macros, commands, verbatim, listings, pseudocode, algorithm2e; projects of many files
rst: directives, roles, grids; reading_order over its pages
markdown, xhtml, epub, pdf, mail, subtitles, boilerplate
"""
