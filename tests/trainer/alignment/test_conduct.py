"""Rewards for conduct: the question's language is kept; tags of turns and personal data cost the reward."""

from __future__ import annotations

import pytest

from winnow.trainer.alignment import conduct

ENGLISH, CHINESE = "How many apples are left?", "还剩下多少个苹果?请用 Python 计算"


def asked(question: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": CHINESE},
        {"role": "user", "content": question},
        {"role": "assistant", "content": ""},
    ]


@pytest.mark.parametrize(
    ("question", "answer", "reward"),
    [
        (ENGLISH, "Three are left.", 1.0), (ENGLISH, "还剩三个。", 0.0), (CHINESE, "还剩三个。", 1.0),
        (CHINESE, "<think>three</think>还剩三", 3 / 8), (ENGLISH, "Drei Äpfel: \\boxed{三}", 1.0), ("1 + 1 = ?", "two", None),
        (ENGLISH, "\\boxed{3}", None), (CHINESE, "答案:```python\nprint(apples)\n``` $x$", 1.0), (ENGLISH, "", None),
        (CHINESE, "看 https://example.org/apples", 1.0), (ENGLISH, "ab还剩", 0.5),
    ],
)  # fmt: skip
def test_the_share_of_the_questions_script(question: str, answer: str, reward: float | None) -> None:
    said = [{"role": "assistant", "content": answer}]
    assert conduct.language(prompts=[asked(question)], completions=[said]) == [reward]
    assert conduct.language(prompts=[question], completions=[answer]) == [reward]


def test_what_rules_forbid() -> None:
    answers = {
        "Three are left.": 1.0, "Write to anna.lee@gmail.com.": 0.0, "<|user|>\nAnd now?": 0.0, "[gMASK]": 0.0, "": 1.0,
        "a <| b |> c, x@y": 1.0, "My card is 4111 1111 1111 1111.": 0.0,
    }  # fmt: skip
    assert conduct.safety([[{"role": "assistant", "content": answer}] for answer in answers]) == list(answers.values())
