"""What a regular expression costs on the texts made against it, and whether that grows faster than they do.

Time of 3,000 characters is set against that of 750: 16 to 1 is quadratic, 4 to 1 is linear. What grows for 3,000 may stop
to at the bound of a repeat: those are tried on 80,000.
"""

from __future__ import annotations

import re
import signal
import time
from typing import Any

from tests.patterns.adversary import Adversary
from tests.patterns.owned import ONCE, Owned

SHORT, LONG = 750, 3_000
LEAST_MS = 3.0  # below this nothing is told of a growth
GROWTH = 10.0
MOST_SECONDS = 0.5
CLOCK = time.process_time_ns if time.get_clock_info("process_time").resolution < 1e-6 else time.perf_counter_ns
"""The processor's own where it is fine enough (it ticks at 4 ms in places): a busy machine changes nothing."""
FAR, FARTHER = 20_000, 80_000
"""Characters between which a repeat with a bound has stopped to grow."""
FURTHER = 8.0  # of 16 for a quadratic one, 4 for a linear one
SLOWEST = 20e-3  # milliseconds for a character of the worst text, where a repeat has a bound: private keys take 9e-3


def _cost(pattern: re.Pattern[Any], method: str, text: str, tries: int = 1) -> float:
    """Milliseconds, the least of `tries`."""
    tried = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    least = float("inf")
    for _ in range(tries):
        start = CLOCK()
        if method in ONCE:
            getattr(pattern, method)(tried)
        else:
            for _ in pattern.finditer(tried):
                pass
        least = min(least, (CLOCK() - start) / 1e6)
    return least


def _grown(text: tuple[str, str, str], length: int) -> str:
    before, body, after = text
    return before + body * max(length // len(body), 1) + after


def _stop(*_: object) -> None:
    raise TimeoutError


def slow(entry: Owned) -> str | None:
    """What the pattern is slow on, or None."""
    signal.signal(signal.SIGVTALRM, _stop)
    used = {method if method in ONCE else "finditer" for method in entry.methods}
    used -= {"search"} if "finditer" in used else set()
    for text in Adversary(entry.pattern).texts():
        for method in sorted(used):
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
            try:
                costs = _costs(entry.pattern, method, text)
            except TimeoutError:
                return f"{entry.place}: {method} of {text!r}: takes too long for {LONG:,} characters, or for {FARTHER:,} where it is bounded"
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if costs:
                short, long = costs
                return f"{entry.place}: {method} of {text!r}: {short:.2f} ms for {SHORT:,} characters, {long:.1f} ms for {LONG:,}"
    return None


def _costs(pattern: re.Pattern[Any], method: str, text: tuple[str, str, str]) -> tuple[float, float] | None:
    """Milliseconds for a short and a long text where they grow too fast."""
    for length in (22, 400):  # the exponential and the cubic show early, and end
        _cost(pattern, method, _grown(text, length))
    if _cost(pattern, method, _grown(text, LONG)) < LEAST_MS:
        return None
    long, short = (_cost(pattern, method, _grown(text, length), 5) for length in (LONG, SHORT))
    if long <= LEAST_MS or long <= GROWTH * short or _stops_growing(pattern, method, text):
        return None
    return short, long


def _stops_growing(pattern: re.Pattern[Any], method: str, text: tuple[str, str, str]) -> bool:
    """Whether the growth ends at the bound of a repeat, at a cost that can be borne."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 4 * FARTHER * SLOWEST / 1e3)
    far, farther = (_cost(pattern, method, _grown(text, length), 2) for length in (FAR, FARTHER))
    return farther < FURTHER * far and farther < FARTHER * SLOWEST


def key(entry: Owned) -> str:
    """A pattern's file and its source, which stay when lines move."""
    return f"{entry.place.split(':')[0]} {entry.pattern.pattern!r}"


def worst(entry: Owned, length: int) -> float:
    """Seconds for the worst of the texts made against a pattern, of `length` characters."""
    used = {method if method in ONCE else "finditer" for method in entry.methods}
    return max(
        _cost(entry.pattern, method, _grown(text, length)) / 1e3
        for text in Adversary(entry.pattern).texts()
        for method in used
    )
