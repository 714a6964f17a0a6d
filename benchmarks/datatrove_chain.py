"""datatrove's own filters as a peer: as shipped, or with words between whitespace and with Winnow's sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CHAINS = {
    "whitespace": ("gopher_repetition", "gopher_quality", "c4_fineweb", "fineweb"),
    "shipped": ("gopher_repetition_datatrove", "gopher_quality_datatrove", "c4_fineweb", "fineweb_datatrove"),
    "chinese": ("fineweb2_zh",),
}

REASONS = {
    "gopher_short_doc": "words", "gopher_long_doc": "words", "gopher_below_avg_threshold": "mean_word_length",
    "gopher_above_avg_threshold": "mean_word_length", "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipses", "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines", "gopher_below_alpha_threshold": "letter_words",
    "gopher_enough_stop_words": "stop_words", "dup_para_frac": "duplicate_paragraphs",
    "dup_para_char_frac": "duplicate_paragraph_characters", "dup_line_frac": "duplicate_lines",
    "dup_line_char_frac": "duplicate_line_characters", "empty": "empty", "line_punct_ratio": "terminal_lines",
    "short_line_ratio": "short_lines", "char_dup_ratio": "duplicate_line_characters", "list_ratio": "newlines",
    "lorem_ipsum": "lorem_ipsum", "curly_bracket": "curly_bracket", "too_few_sentences": "sentences",
    **{f"top_{length}_gram": f"top_{length}_gram" for length in (2, 3, 4)},
    **{f"duplicated_{length}_n_grams": f"duplicate_{length}_grams" for length in range(5, 11)},
}  # fmt: skip


def peer_filters(kind: str) -> list[tuple[str, Any]]:
    """datatrove's filters in the order of the chain, each with the name of the recipe that stands for it."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    if kind != "chinese":
        names = CHAINS[kind]
        page = C4QualityFilter(filter_no_terminal_punct=False)
        return list(
            zip(names, (GopherRepetitionFilter(), GopherQualityFilter(), page, FineWebQualityFilter()), strict=True)
        )
    from winnow.filters.fineweb2 import FIGURES
    from winnow.filters.kernels.word_lists import WORD_LISTS

    figures, language = FIGURES["cmn_Hani"], "cmn_Hani"
    repetition = GopherRepetitionFilter(
        dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0, dup_line_frac=figures.duplicate_lines,
        top_n_grams=tuple(enumerate(figures.top_ngrams, 2)), dup_n_grams=tuple(enumerate(figures.repeated_ngrams, 5)),
        language=language,
    )  # fmt: skip
    lines = FineWebQualityFilter(
        short_line_thr=999, char_duplicates_ratio=0.1, line_punct_thr=figures.terminal_lines,
        new_line_ratio=figures.newlines_per_word, language=language,
    )  # fmt: skip
    quality = GopherQualityFilter(
        min_avg_word_length=1, max_avg_word_length=5, max_non_alpha_words_ratio=figures.letter_words, min_stop_words=2,
        stop_words=list(WORD_LISTS["cmn_Hani_stop_words"]), language=language,
    )  # fmt: skip
    return [("fineweb2_zh", peer) for peer in (repetition, lines, quality)]


def peer_chain(texts: Sequence[str], filters: Sequence[tuple[str, Any]]) -> dict[int, str]:
    from datatrove.data import Document

    verdicts: dict[int, str] = {}
    for row, text in enumerate(texts):
        document = Document(text=text, id=str(row))
        for name, peer in filters:
            verdict = peer.filter(document)
            if verdict is not True:
                verdicts[row] = f"{name}.{REASONS[verdict[1]]}"
                break
    return verdicts


class WhitespaceWords:
    """While it is entered, datatrove cuts words with `str.split` and sentences as Winnow does."""

    def __enter__(self) -> None:
        from datatrove.pipeline.filters import (
            c4_filters,
            fineweb_quality_filter,
            gopher_quality_filter,
            gopher_repetition_filter,
        )

        self._saved = [
            (module, name, getattr(module, name))
            for module, name in (
                (gopher_quality_filter, "split_into_words"),
                (gopher_repetition_filter, "split_into_words"),
                (fineweb_quality_filter, "split_into_words"),
                (c4_filters, "split_into_sentences"),
            )
        ]
        for module, name, _ in self._saved:
            setattr(module, name, _words if name == "split_into_words" else _sentences)

    def __exit__(self, *error: object) -> None:
        for module, name, function in self._saved:
            setattr(module, name, function)


def _words(text: str, language: str | None = None) -> list[str]:
    return text.split()


def _sentences(text: str, language: str | None = None) -> list[int]:
    """A list as long as `winnow.filters.kernels.c4.count_sentences` counts, by a regular expression."""
    from datatrove.utils.text import TERMINAL_PUNCTUATION

    closing = "\"')]}’”」』）》"
    ends, open_text, at = 0, False, 0
    while at < len(text):
        if text[at] not in TERMINAL_PUNCTUATION:
            open_text = open_text or not text[at].isspace()
            at += 1
            continue
        wide = not text[at].isascii()
        at += 1
        while at < len(text) and (text[at] in TERMINAL_PUNCTUATION or text[at] in closing):
            wide = wide or (text[at] in TERMINAL_PUNCTUATION and not text[at].isascii())
            at += 1
        whole = wide or at >= len(text) or text[at].isspace()
        ends += whole
        open_text = not whole
    return [0] * (ends + open_text)
