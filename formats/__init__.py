"""What raw corpora are written in: bytes in, text and records out. Knows no unit, no workspace and no run.

From the top, each of these may use those below it:

    translations/    catalogues, memories and tables of pairs
    dialogues/       the schema of conversations, the dialects they are published in, what is made of documentation
    html/            pages of the web to Markdown
    markup/          LaTeX, reStructuredText, Markdown, EPUB, PDF, plain books
    containers/      archives, web archives, git repositories, packages, tables
    licences/        SPDX expressions, and which of them holds for a file
    languages/       programming languages: their syntax trees, their imports, what nobody wrote by hand
    formulas/        MathML to LaTeX
    charset/         which characters bytes stand for: declared, told from the bytes, or the candidates
    splits           inputs and the pieces that can be read alone
    listing          the files below a folder of a disk, fast
    addresses        where inputs lie: paths as they stand, and patterns of them
"""
