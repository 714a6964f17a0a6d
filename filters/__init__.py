"""Filters: recipes are named rules over measures, each with the place where it was published.

recipes, measure, statistics, columns, spans, editing               what a recipe is, and what recipes share
gopher, c4, fineweb, fineweb2, refinedweb, madlad                   prose
chinese, han_statistics, consistency                                Chinese
language, language_labels, language_words, second_opinion           languages: what tells them, their names, two models
code, refinecode, syntax, linguist, python_source, mathematics      programs and formulas
conversations, harm, license                                        dialogues, and what may be used
personal_data, identifiers, telephone, identity_numbers, accounts   what nobody may read: persons
secrets, confidential                                               and passwords; what is told of either
classifier, training, fitting, scorers, embedder, perplexity        models
datatrove, adapters/                                                datatrove's blocks here, our recipes there
kernels/                                                            the loops under all of these
"""
