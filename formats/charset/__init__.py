"""Which characters bytes stand for: one decision for every kind of text.

- `labels`: the codec that a charset's label means to those who write it
- `marks`: what shows without statistics: byte order marks, UTF-16's zeros, the escapes of seven bits
- `detection`: the charset that the bytes of a text tell by their statistics, with a margin, or the candidates
- `decision`: text from bytes: option, mark, UTF-8 unless by chance, declaration, bytes, else an error that names the candidates
- `coincidence`: whether bytes that declare another charset are UTF-8 by chance
- `streams`: a text of any size in any charset as UTF-8
- `alphabets`: which letters stand together in one language
- `pages`: the same for web pages, which always come out as some text
- `declarations`: where LaTeX and other plain text name their charset
"""
