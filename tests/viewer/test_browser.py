"""The viewer in a real Chromium: every page loads without an error, every way a person clicks, narrow and dark.

Needs `chromium` on the machine (or `CHROMIUM`, its path). With `WINNOW_SCREENSHOTS` the pages are kept as pictures there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.conftest import MANIFEST, run_pipeline

sync_api = pytest.importorskip("playwright.sync_api")
Page = sync_api.Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("WINNOW_SCREENSHOTS")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

SECTIONS = (
    "/",
    "/documents",
    "/measures",
    "/duplicates",
    "/benchmarks",
    "/repositories",
    "/sequences",
    "/labels",
    "/compare",
)
LEFT = re.compile(r"^http://127\.0\.0\.1:\d+/")


@pytest.fixture(scope="module")
def stricter(finished: Path) -> Path:
    """The same inputs with another bound: only what follows from it is worked again."""
    folder = finished.with_name("stricter")
    shutil.copytree(finished, folder / "run")
    manifest = MANIFEST.replace("{words: {minimum: 30}}", "{words: {minimum: 90}}")
    (folder / "small.yaml").write_text(manifest)
    shutil.copy(finished.with_name("profile.yaml"), folder)
    run_pipeline(folder, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def address(finished: Path, stricter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`winnow view` as a person starts it, the run beside a stricter one."""
    labels = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    command = [sys.executable, "-m", "winnow.pipeline.cli", "view", str(finished), str(stricter), "--port", "0"]
    with subprocess.Popen(
        [*command, "--no-browser", "--labels", str(labels)], stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        yield serving.stdout.readline().split()[0]
        serving.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["desktop", "phone", "dark"])
def page(request: pytest.FixtureRequest, browser: sync_api.Browser, address: str) -> Iterator[Page]:
    """A page whose console and network are watched: an error, or a request that leaves this machine, fails the test."""
    size = {"width": 390, "height": 844} if request.param == "phone" else {"width": 1280, "height": 900}
    context = browser.new_context(
        base_url=address, viewport=size, color_scheme="dark" if request.param == "dark" else "light"
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda sent: None if LEFT.match(sent.url) else wrong.append(f"asked for {sent.url}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    page.view = request.param
    yield page
    context.close()
    assert not wrong


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}-{page.view}.png", full_page=False)


def fits(page: Page) -> bool:
    """Whether nothing but what scrolls by itself is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_every_section_loads_and_fits(page: Page) -> None:
    for section in SECTIONS:
        page.goto(section)
        assert page.locator("h1").count() == 1
        assert page.locator("header nav a[aria-current]").count() == 1
        assert fits(page), section
        picture(page, section.strip("/") or "overview")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == (page.view == "dark")


def test_from_a_rule_to_a_text_with_its_marks(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name=re.compile("gopher_repetition")).first.click()
    page.locator(".excerpt a").first.click()
    assert page.locator("mark.why").count() > 0
    assert page.locator(".fate.dropped").first.is_visible()
    picture(page, "why")
    page.get_by_role("link", name=re.compile(r"^(lines|ngrams|paragraphs)\.")).first.click()
    assert page.locator("svg.plot").count() > 0
    assert fits(page)


def test_a_search_by_words(page: Page) -> None:
    page.goto("/documents")
    page.get_by_label("words").fill("golden pears")
    page.get_by_role("button", name="Find").click()
    assert page.locator("article").count() >= 1
    assert "golden pears" in page.locator("article").first.inner_text() or page.locator("article").count() == 1
    page.get_by_role("button", name="Draw at random").click()
    assert "draw 1" in page.locator("main").inner_text()
    picture(page, "found")


def test_a_threshold_that_is_dragged(page: Page) -> None:
    page.goto("/measures/words.non_symbol_count")
    line = page.locator('.threshold .bound[data-side="minimum"] .grip')
    box, plot = line.bounding_box(), page.locator(".threshold svg").bounding_box()
    assert box and plot
    page.mouse.move(box["x"] + box["width"] / 2, plot["y"] + 40)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 40, steps=5)
    page.mouse.up()
    page.locator("#outcome .figures").wait_for()
    outcome = page.locator("#outcome")
    assert "documents fall out" in outcome.inner_text()
    assert int(re.findall(r"−([\d,]+)", outcome.inner_text())[0].replace(",", "")) > 0
    value = float(page.get_by_label("at least").input_value())
    assert value > 30 and f"minimum: {value:g}" in page.locator("#line").inner_text()
    assert fits(page)
    picture(page, "threshold")
    outcome.locator(".excerpt a").first.click()
    assert page.locator("h1").is_visible()


def test_near_duplicates_a_repository_and_a_conversation(page: Page) -> None:
    page.goto("/duplicates")
    page.locator("td a").first.click()
    assert page.locator("mark.only").count() > 0
    picture(page, "cluster")
    page.goto("/repositories")
    page.locator("td a").first.click()
    assert page.locator(".arcs path").count() > 0
    assert fits(page)
    picture(page, "repository")
    page.goto("/documents?source=talks&fate=kept")
    page.locator(".excerpt a").first.click()
    assert page.locator(".turn.assistant.learned").count() > 0
    picture(page, "conversation")


def test_from_a_token_to_its_document_and_back(page: Page) -> None:
    page.goto("/sequences")
    page.locator("td a").first.click()
    picture(page, "sequence")
    assert fits(page)
    page.locator(".stretch .t").nth(5).click()
    page.get_by_role("heading", name="In the shards").wait_for()
    picture(page, "document")
    page.locator('a[href^="/sequences/"]').nth(1).click()
    assert page.locator(".tokens").is_visible()


def test_two_runs_beside_each_other(page: Page) -> None:
    page.goto("/compare")
    moved = page.locator("tr", has_text="gopher_quality.words").first
    assert "kept" in moved.inner_text()
    assert page.locator("tr", has_text="thresholds.words.minimum").count() == 1
    moved.locator("a").first.click()
    assert page.locator(".fate.kept").first.is_visible()


def test_labels_by_keyboard(page: Page) -> None:
    page.goto("/labels")
    for key in ("g", "b", "s"):
        before = page.locator('#judge input[name="id"]').input_value()
        with page.expect_navigation():
            page.keyboard.press(key)
        assert page.locator('#judge input[name="id"]').input_value() != before
    assert "precision" in page.locator("table").inner_text()
    picture(page, "labels")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("training file")).click()
    assert '"label": "bad"' in Path(download.value.path()).read_text("utf-8")
