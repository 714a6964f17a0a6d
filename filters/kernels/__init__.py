"""The loops under the filters, in numba, over the bytes of Arrow strings.

bytes, machine, characters, block, copying, cache                           what all kernels stand on
words, english_words, english_signs, unicode_words, chinese, lexicon        words, as each tool cuts them
word_lists                                                                  lists of words that recipes count
lines, passages, repeats, ngrams, phrases, c4, web_lines, variants          what filters of prose count
han, scripts, segments                                                      scripts, and languages
code, formulas, markup, candidates                                          programs, formulas, markup, identifiers
normalise, terms, shingles, minima, sets, pairs, texts, windows             de-duplication and decontamination
escapes, gram_terms, grams                                                  decontamination alone
fasttext, fasttext_model, fasttext_features, fasttext_labels, versions      classifiers
"""
