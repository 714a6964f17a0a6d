"""What near-duplicates are compared by: numbers and answers where they matter."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest

from winnow.stages.deduplicate import minhash
from winnow.stages.deduplicate.recipes import MinHashSettings

BY_KIND = MinHashSettings()
PROBLEM = (
    "A shop sells {} apples for {} dollars each and {} pears for {} dollars each. How much money does the shop take when "
    "everything is sold?"
)
LONG = "Read the following letter with care and say in one word whether its writer is glad of what the miller did. " + (
    " ".join(f"{'bdfgklmnprst'[at % 12]}{'aeiou'[at % 5]}{'klmnrst'[at % 7]}" for at in range(300))
)


def problems(count: int, template: str = PROBLEM) -> list[str]:
    draw = random.Random(5)
    return [template.format(*draw.sample(range(2, 100), 4)) for _ in range(count)]


def talk(asked: str, answer: str, **more: object) -> str:
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, "tools": [], **more})


@pytest.fixture
def kept(workspace, lay_out, work):
    """`kept(texts, kind, settings, talks)`: how many documents stay."""

    def run(
        texts: Sequence[str],
        kind: str,
        settings: MinHashSettings = BY_KIND,
        talks: Sequence[str] | None = None,
    ) -> int:
        columns = {"kind": {"a-00000": [kind] * len(texts)}, "messages": {"a-00000": talks or [None] * len(texts)}}
        counts = work(minhash.plan(lay_out({"a-00000": texts}, **columns), settings))
        return len(texts) - counts["deduplicate.minhash.drop.dropped"]

    return run


@pytest.mark.parametrize("kind", ["tables", "mathematics", "mine.problems"])
def test_problems_of_one_template_are_as_many_as_they_are(kept, kind):
    assert kept(problems(20), kind) == 20


def test_pages_of_one_template_are_one_and_a_setting_says_otherwise(kept):
    assert kept(problems(20), "web") == 1
    assert kept(problems(20), "web", MinHashSettings(numbers="keep")) == 20
    assert kept(problems(20), "mathematics", MinHashSettings(numbers="fold")) == 1


def test_one_other_number_in_many_equal_words_makes_another_problem_and_no_other_table_row(kept):
    tail = " ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[at % 26]}{'abcdefgh'[at // 26]}" for at in range(150))
    texts = [f"Tom has {count} coins. {tail}" for count in (3, 4, 3)]
    assert kept([texts[0], texts[1], texts[2] + " too"], "mathematics") == 2
    assert kept([texts[0], texts[1], texts[2] + " too"], "tables") == 1


def test_other_signs_make_other_problems(kept):
    tail = " and explain each of your steps to a child that has never seen a sum like this one before in its life"
    assert kept([f"Work out 12 {sign} 7{tail}" for sign in "+-×÷"], "mathematics") == 4


def test_two_answers_to_one_long_question_are_two_and_one_said_twice_is_one(kept):
    glad = "Yes, glad: it thanks the miller in its first line and in its last one."
    talks = [
        talk(LONG, glad),
        talk(LONG, "No. The letter is bitter from beginning to end."),
        talk(LONG + " Now.", glad),
    ]
    assert kept(["x"] * 3, "conversations", talks=talks) == 2


def test_rejected_turns_and_labels_tell_conversations_apart(kept):
    rejected = [[{"role": "assistant", "content": text}] for text in ("It is neither of them.", "Who could ever tell?")]
    talks = [talk(LONG, "Glad.", rejected=turn) for turn in rejected]
    assert kept(["x"] * 2, "conversations", talks=talks) == 2
    assert kept(["x"] * 2, "conversations", talks=[talk(LONG, "", label=label) for label in ("glad", "sad")]) == 2


def test_a_text_of_several_kinds_is_compared_by_its_words(workspace, lay_out, work):
    text = " ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[at % 26]}{'abcdefgh'[at // 26]}" for at in range(150))
    parts = lay_out(
        {"a-00000": [text, text + " end", text + " ends"]}, kind={"a-00000": ["web", "mathematics", "tables"]}
    )
    counts = work(minhash.plan(parts, MinHashSettings()))
    assert counts["deduplicate.minhash.drop.dropped"] == 2
