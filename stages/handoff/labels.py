"""Labels for slime: which of its graders credits a right answer, and what the prompt must ask for.

slime's graders (`slime/rollout/rm_hub` of version 624b824a) look into the last `\\boxed{}` of an answer alone, by counting
braces. `math` compares numbers, formulas and short texts after normalising them; `boxed_f1` gives the F1 of the words,
which for the right answer is 1, and wants at least one word that isn't an article.
"""

from __future__ import annotations

import re
import string

MATH, WORDS = "math", "boxed_f1"
BOX = "\\boxed"
ASK = "\n\nPut the final answer in \\boxed{}."
LONGEST = 80  # characters of a label that is compared as a whole
_ARTICLES = frozenset({"a", "an", "the"})


def grader(label: str) -> str | None:
    """slime's `rm_type` for a label; None where no grader of its own would credit the right answer."""
    if not label.strip() or BOX in label or not _balanced(label):
        return None
    if "\n" not in label and len(label) <= LONGEST:
        return MATH
    return WORDS if _words(label) else None


def asking(content: str) -> str:
    """A question that asks for its answer where the graders look."""
    return content if BOX in content else content + ASK


def _balanced(label: str) -> bool:
    """Whether the braces of `\\boxed{label}` end with the last one."""
    depth = 0
    for sign in re.findall(r"[{}]", label):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _words(label: str) -> bool:
    bare = label.lower().translate(str.maketrans("", "", string.punctuation))
    return any(word not in _ARTICLES for word in bare.split())
