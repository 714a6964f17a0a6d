"""One request to a real server on loopback that answers, refuses, breaks off, asks to wait or isn't there."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.stages.generate.served import Answer, completion, error, free_port, good, serving
from winnow.stages.generate import server as server_module
from winnow.stages.generate.server import ANSWERED, FAILED, REFUSED, Asker
from winnow.stages.generate.settings import Server
from winnow.stages.run.unit import Away

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "Tell of pears"}], "seed": 1, "max_tokens": 9}
SECRET = "sk-0123456789/abcdef"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_PAUSE", 0.01)


def asker(url: str, **options: Any) -> Asker:
    return Asker(Server(url=url, **{"tries": 3, "timeout": 5, **options}), "local")


def only_short(answer: Answer) -> Any:
    """Answers two words as it should and everything else so."""
    return lambda body, tries: good(body, tries) if body["messages"] == server_module.SHORT else answer


def test_an_answer_is_read_with_its_tokens_and_what_the_server_calls_its_model() -> None:
    with serving() as served:
        reply = asker(served.url).ask(REQUEST)
    assert (reply.status, reply.model, reply.finish) == (ANSWERED, "served", "stop")
    assert reply.text.startswith("pears said anew") and (reply.prompt_tokens, reply.completion_tokens) == (10, 4)
    assert served.bodies == [REQUEST] and "Authorization" not in served.headers[0]


HALF = completion("a text that breaks off")[:60]
PASSING = {
    "429": error(429, "slow down"),
    "500": error(500, "no memory"),
    "503 with a page": (503, {}, b"<html>Bad gateway</html>"),
    "half a JSON": (200, {}, HALF),
    "half of what it announced": (200, {"Content-Length": "500", "Connection": "close"}, HALF),
    "nothing": (200, {}, b""),
    "no choices": (200, {}, b'{"choices": []}'),
    "a list": (200, {}, b"[]"),
    "content of another type": (200, {}, b'{"choices": [{"message": {"content": 3}}]}'),
    "tokens that no integer holds": (200, {}, completion("x").replace(b": 10", b": 1e400")),
    "nested too deep": (200, {}, b"[" * 100_000),
}


@pytest.mark.parametrize("wrong", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again(wrong: Answer) -> None:
    with serving(lambda body, tries: wrong if tries < 3 else good(body, tries)) as served:
        reply = asker(served.url).ask(REQUEST)
    assert reply.status == ANSWERED and served.tries(REQUEST) == 3


@pytest.mark.parametrize("wrong", PASSING.values(), ids=PASSING)
def test_what_fails_for_one_request_alone_is_told_of_it(wrong: Answer) -> None:
    with serving(only_short(wrong)) as served:
        reply = asker(served.url).ask(REQUEST)
    assert reply.status == FAILED and reply.detail and served.tries(REQUEST) == 3


@pytest.mark.parametrize("wrong", PASSING.values(), ids=PASSING)
def test_what_fails_for_every_request_means_that_the_server_is_away(wrong: Answer) -> None:
    with serving(lambda *_: wrong) as served, pytest.raises(Away, match="what was answered is kept") as raised:
        asker(served.url).ask(REQUEST)
    assert "\n" not in str(raised.value)


def test_nobody_listens() -> None:
    with (
        free_port() as port,
        pytest.raises(Away, match=r"local \(http://127.0.0.1:\d+/v1\) can't be reached: see that"),
    ):
        asker(f"http://127.0.0.1:{port}/v1").ask(REQUEST)


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    date = formatdate(time.time() + 2, usegmt=True)
    for asked, least in (("0.3", 0.3), (date, 0.5)):
        first = error(429, "wait", Retry_After=asked)
        with serving(lambda body, tries, first=first: first if tries == 1 else good(body, tries)) as served:
            begun = time.monotonic()
            assert asker(served.url).ask(REQUEST).status == ANSWERED
        assert time.monotonic() - begun >= least


def test_a_pause_beyond_patience_ends_the_tries() -> None:
    asked = r"HTTP 429 \(quota\), and asks to wait 3,600 s"
    hour = error(429, "quota", Retry_After="3600")
    with serving(lambda *_: hour) as served, pytest.raises(Away, match=asked):
        asker(served.url, patience=5).ask(REQUEST)
    assert served.tries(REQUEST) == 1


def test_a_slow_answer_takes_no_longer_than_it_may() -> None:
    with serving(slow=3.0) as served, pytest.raises(Away, match="takes longer than `timeout`"):
        asker(served.url, timeout=0.2, tries=1).ask(REQUEST)


def test_a_refused_request_is_a_rejection_and_a_refused_way_of_asking_ends_the_run() -> None:
    too_long = error(400, "This model's maximum context length is 9 tokens")
    with serving(only_short(too_long)) as served:
        reply = asker(served.url).ask(REQUEST)
        assert reply.status == REFUSED and "maximum context length" in reply.detail
        assert served.tries(REQUEST) == 1
    unknown, told = error(400, "Unknown field: seed"), r"refuses every request \(HTTP 400: Unknown field: seed\)"
    with serving(lambda *_: unknown) as served, pytest.raises(Away, match=told):
        asker(served.url).ask(REQUEST)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (completion("", finish="content_filter"), "content_filter"),
        (completion("", refusal="I can't help with that."), "I can't help"),
    ],
)
def test_a_model_that_refuses_is_told_from_one_that_answers(answer: bytes, detail: str) -> None:
    with serving(only_short((200, {}, answer))) as served:
        reply = asker(served.url).ask(REQUEST)
    assert reply.status == REFUSED and detail in reply.detail


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refuses the key in"), (403, "refuses the key in"), (404, "answers HTTP 404"), (307, "answers HTTP 307")],
)
def test_what_no_try_can_mend_is_told_at_once(status: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    moved = error(status, f"not with {SECRET}", Location="http://127.0.0.1:9/elsewhere")
    with serving(lambda *_: moved) as served, pytest.raises(Away, match=said) as raised:
        asker(served.url, key="SOME_API_KEY").ask(REQUEST)
    assert len(served.bodies) == 1 and SECRET not in str(raised.value)


def test_the_key_is_sent_and_struck_out_of_what_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", f"{SECRET}\n")
    escaped = completion(f"you sent {SECRET}").replace(b"/", b"\\/")
    for answer in (completion(f"you sent {SECRET}"), escaped):
        with serving(lambda *_, answer=answer: (200, {}, answer)) as served:
            reply = asker(served.url, key="SOME_API_KEY").ask(REQUEST)
        assert reply.text == "you sent ***" and served.headers[0]["Authorization"] == f"Bearer {SECRET}"
    with serving(lambda *_: error(400, f"bad key {SECRET}")) as served, pytest.raises(Away) as raised:
        asker(served.url, key="SOME_API_KEY").ask(REQUEST)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("value", [None, "", "  ", "sk-1\nX: y", "schlüssel"])
def test_a_key_that_is_not_there_or_none_is_told_by_its_name(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SOME_API_KEY", value)
    with pytest.raises(Away, match="SOME_API_KEY") as raised:
        asker("http://127.0.0.1:9/v1", key="SOME_API_KEY")
    assert not (value or "").strip() or value not in str(raised.value)


def test_a_lone_surrogate_becomes_what_utf_8_can_hold() -> None:
    with serving(lambda *_: (200, {}, completion("a \ud83d b"))) as served:
        assert asker(served.url).ask(REQUEST).text == "a \ufffd b"
