"""One OpenAI-compatible server over HTTP: asked until it answers, and what its answers mean.

What may pass (no connection, 408, 409, 425, 429, 5xx, a body that breaks off or is no answer) is tried again, after the
pause that the server asks for by `Retry-After` or else one that doubles. What will not pass (no key, no such model) is
`Away` at once. What is still wrong after all tries is either the request's fault or the server's: a request of two words
tells which (`Asker.ask`). The key is read where it is sent, and struck out of all that a server says.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from winnow.stages.generate.settings import Server
from winnow.stages.run.unit import Away

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
PASSING = frozenset({408, 409, 425, 429})
HOPELESS = frozenset({401, 402, 403, 404, 405, 410})
CONNECT_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
LARGEST_ANSWER = 64 << 20
SAID = 200  # characters of a server's words that are kept
SECRET = 8  # characters: what is shorter ("EMPTY", "none") is no secret but a word that answers may hold
SHORT = [{"role": "user", "content": "Say yes."}]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of one request. `detail`: the server's words where it refused, ours where it failed."""

    status: str
    detail: str = ""
    text: str = ""
    reasoning: str = ""
    finish: str = ""
    model: str = ""  # as the server calls what answered
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class _Passing:
    """A try that may go better the next time; `pause`: the seconds that the server asked for."""

    reason: str
    pause: float | None = None


class _Stopped(Exception):
    """Another request of this unit has found that the server is away."""


class Asker:
    """Asks one server for one unit, from any number of threads. `name`: the server's in the profile."""

    def __init__(self, server: Server, name: str) -> None:
        import urllib3

        self._server, self._name = server, name
        self._url = server.url.rstrip("/") + "/chat/completions"
        self._sound = False  # whether it has answered anything
        self._stopped = threading.Event()
        self._probing = threading.Lock()
        self._key = os.environ.get(server.key, "").strip() if server.key else ""
        if server.key and not self._key:
            raise Away(
                f"the environment variable {server.key}, which `servers.{name}.key` of the profile names, isn't set where the "
                "workers run: set it and start the same command again"
            )
        if not self._key.isascii() or not self._key.isprintable():
            raise Away(f"the environment variable {server.key} holds signs that no key has: set it again")
        proxy = _proxy(self._url)
        options: dict[str, Any] = {"maxsize": server.concurrency, "block": True, "retries": False}
        self._pool: Any = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """The reply to one request. Raises `Away` where the server is, and for all other threads from then on."""
        found = self._tried(request, self._server.tries)
        if isinstance(found, Reply) and found.status == ANSWERED:
            self._sound = True
            return found
        if isinstance(found, Reply) and self._sound:
            return found
        with self._probing:
            plain = {name: value for name, value in request.items() if name not in ("messages", "tools")}
            short = self._tried({**plain, "messages": SHORT}, 2)
        if isinstance(short, Reply) and short.status == ANSWERED:
            self._sound = True
            return found if isinstance(found, Reply) else Reply(status=FAILED, detail=found.reason)
        if isinstance(short, Reply):
            raise self._away(f"refuses every request ({short.detail})", "mend what `generate` asks for,")
        raise self._away(short.reason)

    def stop(self) -> None:
        """Ends the pauses of the other threads."""
        self._stopped.set()

    def _away(self, reason: str, advice: str = "see that it runs,") -> Away:
        self.stop()
        return Away(
            f"the server {self._name} ({self._server.url}) {reason}: {advice} or change `servers.{self._name}` in the "
            "profile, and start the same command again: what was answered is kept, and it goes on from there"
        )

    def _tried(self, request: Mapping[str, Any], tries: int) -> Reply | _Passing:
        """The reply, or what the last try came to. Raises `Away` for what no try can mend."""
        waited, pause = 0.0, FIRST_PAUSE
        for left in reversed(range(tries)):
            if self._stopped.is_set():
                raise _Stopped
            found = self._once(request)
            if isinstance(found, Reply):
                return found
            wait = found.pause if found.pause is not None else pause
            if not left or waited + wait > self._server.patience:
                asked = f", and asks to wait {wait:,.0f} s" if found.pause and left else ""
                return _Passing(f"{found.reason}{asked}")
            self._stopped.wait(wait)
            waited, pause = waited + wait, min(2 * pause, LONGEST_PAUSE)
        raise AssertionError("no tries")

    def _once(self, request: Mapping[str, Any]) -> Reply | _Passing:
        import urllib3

        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        end = time.monotonic() + self._server.timeout
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=json.dumps(request, ensure_ascii=False).encode("utf-8", "replace"),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._server.timeout),
                redirect=False,
                preload_content=False,
            )
            try:
                content = _content(response, end)
            finally:
                response.close()
                response.release_conn()  # of a body that wasn't read to its end: its place is free again
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _Passing(_reason(error))
        return self._meaning(response.status, response.headers, self._struck(content))

    def _struck(self, content: bytes) -> bytes:
        """Without the key, as it is and as JSON may write it."""
        if len(self._key) >= SECRET:
            for form in (self._key, self._key.replace("/", "\\/")):
                content = content.replace(form.encode(), b"***")
        return content

    def _meaning(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply | _Passing:
        if status in (401, 403):
            named = f"the key in {self._server.key}" if self._server.key else "requests without a key"
            raise self._away(f"refuses {named} (HTTP {status})", "set one that it takes,")
        if status in HOPELESS or 300 <= status < 400:
            raise self._away(f"answers HTTP {status} ({_said(content)})", "see that it serves this model there,")
        if status in PASSING or status >= 500:
            return _Passing(f"answers HTTP {status} ({_said(content)})", _pause(headers))
        if status >= 400:
            return Reply(status=REFUSED, detail=f"HTTP {status}: {_said(content)}")
        return _reply(content)


def _reply(content: bytes) -> Reply | _Passing:
    """A body as a reply. One that isn't an answer may be half of one, so it is asked for again."""
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        message = choice["message"]
        text, reasoning = (
            message.get("content") or "",
            message.get("reasoning_content") or message.get("reasoning") or "",
        )
        refusal, finish = message.get("refusal") or "", choice.get("finish_reason") or ""
        usage = body.get("usage") or {}
        counted = [int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
        if (
            not all(isinstance(value, str) for value in (text, reasoning, refusal, finish))
            or not 0 <= min(counted) <= max(counted) < 1 << 40
        ):
            raise TypeError("a field of another type")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError):
        return _Passing(f"answers what is no chat completion ({_said(content)})")
    refused = bool(refusal) or finish == "content_filter"
    return Reply(
        status=REFUSED if refused else ANSWERED,
        detail=_sound(refusal or finish)[:SAID] if refused else "",
        text=_sound(text),
        reasoning=_sound(reasoning),
        finish=_sound(finish),
        model=_sound(str(body.get("model") or "")),
        prompt_tokens=counted[0],
        completion_tokens=counted[1],
    )


def _sound(text: str) -> str:
    """Without lone surrogates, which JSON may hold and UTF-8 can't."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _said(content: bytes) -> str:
    """A server's words in one line: the message of its error where it has one."""
    try:
        found = json.loads(content)
        error = found.get("error", found)
        words = error if isinstance(error, str) else error.get("message") or error.get("detail") or content.decode()
    except (ValueError, AttributeError, RecursionError):
        words = content[: 4 * SAID].decode("utf-8", "replace")
    return " ".join(_sound(str(words)).split())[:SAID] or "and says nothing"


def _content(response: Any, end: float) -> bytes:
    """The body, in bounded time and memory."""
    pieces, size = [], 0
    while piece := response.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise OSError(f"an answer of more than {LARGEST_ANSWER >> 20} MiB")
        if time.monotonic() > end:
            raise TimeoutError("an answer that takes longer than `timeout`")
    return b"".join(pieces)


def _reason(error: Exception) -> str:
    """Why there was no answer, without addresses of objects in it."""
    from urllib3 import exceptions

    if isinstance(error, exceptions.NewConnectionError | exceptions.ConnectTimeoutError):
        return "can't be reached"
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return "takes longer than `timeout` to answer"
    if isinstance(error, exceptions.SSLError):
        return f"has no certificate that can be trusted ({str(error)[:SAID]})"
    return "breaks off its answers" if not isinstance(error, OSError) else f"fails ({str(error)[:SAID]})"


def _pause(headers: Mapping[str, str]) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or as a date."""
    asked = (headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(asked)) if asked[:1].isdigit() else _until(asked)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str) -> float | None:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time()) if date else None


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for this address, as all programs read it."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)
