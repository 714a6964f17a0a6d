"""What docs/serving.md says, as it stands there but for folders and ports: one machine, several behind NGINX, Prometheus."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.test_guides import blocks
from tests.trainer.serving.conftest import QUESTION, ROOT, Address, Start, free_port, needed

pytestmark = pytest.mark.slow  # make serve-test
PORTS = ("8001", "8002", "8080", "9090")
ASKED = {"messages": QUESTION, "max_tokens": 4}
ANNA, BO = {"Authorization": "Bearer key-of-anna"}, {"Authorization": "Bearer key-of-bo"}


class Page:
    """The page's blocks, with this test's folders and ports in them."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self._swapped = {"runs/mid/model/huggingface": str(source), "trainer/serving/": f"{ROOT}/trainer/serving/"}

    def text(self, text: str) -> str:
        for old, new in self._swapped.items():
            text = text.replace(old, new)
        return re.sub("|".join(PORTS), lambda found: self.ports[found[0]], text)

    def command(self, beginning: str) -> list[str]:
        """The one command that begins so, ready to be run."""
        lines = [line for block in blocks("serving.md", "sh") for line in block.splitlines()]
        (line,) = [line for line in lines if line.startswith(beginning)]
        program, *rest = shlex.split(self.text(line))
        if program == "winnow-train":
            return [
                sys.executable,
                "-m",
                "winnow.trainer.command",
                *rest,
                "--llama-cpp",
                str(ROOT / ".venv-llama/llama.cpp"),
            ]
        return [needed(program, "make serve-test, and apt-get install nginx-light prometheus"), *rest]

    def file(self, language: str, name: str) -> None:
        (block,) = blocks("serving.md", language)
        (self.folder / name).write_text(self.text(block))

    def at(self, port: str) -> Address:
        return Address(int(self.ports[port]))


@pytest.fixture(scope="module")
def page(source: Path, start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Two servers of one file, NGINX before them, Prometheus beside them."""
    found = Page(source, tmp_path_factory.mktemp("guide"))
    done = subprocess.run(
        found.command("winnow-train gguf"), cwd=found.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    serving = found.command(".venv-llama/bin/python")
    for port in PORTS[:2]:
        command = [found.ports[port] if part == found.ports[PORTS[0]] else part for part in serving]
        found.servers[port] = start(command, int(found.ports[port]), "/health", found.folder)
    found.file("nginx", "nginx.conf")
    found.file("yaml", "prometheus.yaml")
    start(found.command("prometheus"), int(found.ports["9090"]), "/-/ready", found.folder)
    nginx = subprocess.Popen(found.command("nginx"), cwd=found.folder, stderr=subprocess.PIPE)
    try:
        until(lambda: status(found.at("8080"), {}) == 401)
        yield found
    finally:
        nginx.terminate()
        nginx.wait(60)


def until(holds, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    """Waits for something that a server's start or next scrape brings."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.2)


def status(address: Address, key: dict[str, str]) -> int:
    try:
        return address.status("/v1/chat/completions", ASKED, **key)
    except OSError:
        return 0


def value(page: Page, query: str) -> float:
    """What Prometheus answers; nothing known is less than nothing."""
    found = page.at("9090").ask(f"/api/v1/query?query={quote(query)}")["data"]["result"]
    return min((float(row["value"][1]) for row in found), default=-1.0)


def queries(column: int) -> list[str]:
    """Those of the page's table, in the column of llama.cpp (1) or vLLM (2)."""
    table = (ROOT / "docs/serving.md").read_text("utf-8").split("## Prometheus")[1]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ") and "`" in line]
    return [row[column + 1].strip().strip("`") for row in rows]


def test_the_question_of_the_page_is_answered(page: Page) -> None:
    done = subprocess.run(page.command("curl"), capture_output=True, text=True, check=True)
    assert '"role":"assistant"' in done.stdout.replace(" ", "")


def test_who_has_no_key_gets_nothing_and_nobody_gets_more_than_the_api(page: Page) -> None:
    front = page.at("8080")
    assert status(front, {}) == status(front, {"Authorization": "Bearer key-of-nobody"}) == 401
    assert front.status("/metrics", None, **BO) == front.status("/slots", None, **BO) == 404
    assert status(front, BO) == 200


def test_a_key_that_asks_too_much_is_told_so_and_another_is_served(page: Page) -> None:
    """Of forty at once, no more than the burst and what two a second allow meanwhile."""
    front = page.at("8080")
    begun = time.monotonic()
    with ThreadPoolExecutor(3) as hands:
        told = list(hands.map(lambda _: status(front, ANNA), range(40)))
    took = time.monotonic() - begun
    assert set(told) == {200, 429}
    assert told.count(200) <= 1 + 10 + 2 * took + 1
    assert status(front, BO) == 200


def test_prometheus_sees_both_servers_and_their_tokens(page: Page) -> None:
    up, tokens, waiting = queries(1)
    until(lambda: value(page, f"sum({up})") == 2)
    until(lambda: value(page, tokens) > 0)
    assert value(page, waiting) == 0


def test_a_server_that_dies_is_seen_and_not_missed(page: Page, start: Start) -> None:
    """Last of the page's tests: one of its two servers is gone afterwards."""
    serving = page.command(".venv-llama/bin/python")
    page.servers["8002"].kill()
    until(lambda: value(page, queries(1)[0]) == 0)
    assert [status(page.at("8080"), BO) for _ in range(3)] == [200, 200, 200]
    again = [page.ports["8002"] if part == page.ports["8001"] else part for part in serving]
    start(again, int(page.ports["8002"]), "/health", page.folder)
    until(lambda: value(page, f"sum({queries(1)[0]})") == 2)
