"""Translations: read as pairs of texts, checked, and written down as documents.

No file is in memory as a whole, but for pages, catalogues and what an archive holds.

    names, contents                        which files belong together; what an archive or a folder holds
    catalogues, memories, tables, lines    PO; TMX; tab-separated and Moses files, in pieces of any size
    checks, similarity                     is a pair in its languages, of like length, of one meaning?
    renderings, writing                    a pair as text; documents and rejections
"""
