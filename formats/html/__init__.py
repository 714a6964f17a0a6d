"""From the bytes of a page to its text: `extraction.extract` is the way in.

extraction                                 one function, three engines
blocks: tokeniser, elements, characters    a page cut into blocks in one pass, without a tree
tags, furniture, grid                      the words of HTML, of boilerplate, and tables that hold data
features, context, classify, model.npz     content or boilerplate
copies                                     what a page says twice
formulas, superscripts                     formulas in markup, as LaTeX
head, addresses, markdown_writer           what a page says of itself; links; the text that comes out
saved                                      pages of saved sites, by their names and first bytes
learning/                                  how the model was made: pages of which the content is known
"""
