"""Duplicates by URL: of the documents fetched from one address, the preferred stays. Documents without an address stay.

An address is compared without its scheme, `www.`, default port, user, anchor and trailing slash, without parameters that
only track (`utm_…`, `gclid` …) and with the others sorted by name. Whatever tells two pages apart is compared byte by
byte: an escape stays the byte it stands for, in whatever charset the site has, and a fragment that is a route of a
single-page site (`#!/t/101`, `#/t/101`) stays. What a crawler writes where it knows no address (`about:blank`,
`http://localhost/…`, `file:…`, `N/A`, nothing) names no page, so those documents have none in common.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow as pa

from winnow.stages.deduplicate.contender import read_contenders
from winnow.stages.deduplicate.equal import EqualSettings, HashPart, plan_equal, resolve, send_claims
from winnow.stages.deduplicate.verdict import drop
from winnow.stages.run.unit import Counts, Planned, Step, Unit
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.url"

_TRACKING = re.compile(
    r"(?:utm_\w+|[gdmy]clid|fbclid|msclkid|igshid|mc_[ce]id|_ga|ref_src|spm|sessionid|phpsessid)", re.I
)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, section 2.3
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_HOST = re.compile(r"\[[0-9a-f:.%]+\]|(?!\d+$)[^\s/?#@:\[\]<>\"|\\^`{}]+", re.I)
_BARE = re.compile(r"(?:[\w-]+\.)+[^\W\d_][\w-]+(?::\d+)?(?=[/?#]|$)")
"""An address without a scheme: `www.example.org/page`."""
_NOWHERE = re.compile(
    r"(?:.*\.)?(?:localhost|localdomain|invalid)|127(?:\.\d+){3}|0\.0\.0\.0|::1?"
    r"|null|none|nil|nan?|undefined|unknown|missing|empty|url|link|host|hostname|domain|example|test"
)
_NAMED = re.compile(
    r"(?!about:|blank:|data:|javascript:|file:|mailto:|blob:|chrome)([a-z][a-z0-9+.-]+):(?!//)\S+", re.I
)
"""A name that is no address of the web but one thing's own: `urn:isbn:…`, `doi:10.…`."""
_ROUTE = re.compile(r"!|/")
_DEFAULT_PORT = {"http": 80, "https": 443}


class UrlSettings(EqualSettings):
    """The manifest's `url` section."""


def normalise_url(url: str) -> str | None:
    """The address in the form that is compared; None for what is no address."""
    url = url.strip()
    bare = _BARE.match(url)
    if bare is None and _NAMED.fullmatch(url):
        return url
    try:
        parts = urlsplit(f"//{url}" if bare else url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if (
        not (parts.scheme or bare)
        or not _HOST.fullmatch(f"[{host}]" if ":" in host else host)
        or _NOWHERE.fullmatch(host)
    ):
        return None
    if not host.isascii():
        host = _ascii_host(host)
    if port not in (None, _DEFAULT_PORT.get(parts.scheme or "http")):
        host = f"{host}:{port}"
    path = _bytes(parts.path).rstrip("/")
    query = [
        (name, value)
        for name, _, value in (
            _bytes(pair.replace("+", "%20")).partition("=") for pair in parts.query.split("&") if pair
        )
        if not _TRACKING.fullmatch(name)
    ]
    query.sort(key=lambda pair: pair[0])  # by name alone: a name's values keep their order
    route = _bytes(parts.fragment) if _ROUTE.match(parts.fragment) else ""
    route = route.rstrip("/") if route.strip("!/") else ""  # the start page
    asked = "?" + "&".join(f"{name}={value}" for name, value in query) if query else ""
    return host.removeprefix("www.") + path + asked + (f"#{route}" if route else "")


def _bytes(text: str) -> str:
    """Every byte as itself where RFC 3986 reserves nothing, escaped in capitals elsewhere."""
    if not text.isascii() or " " in text:
        text = quote(text, safe=_PRINTABLE, errors="surrogatepass")
    return _ESCAPE.sub(_escape, text) if "%" in text else text


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def hash_part(workspace: Workspace, unit: Unit[HashPart]) -> Counts:
    """Scatters the URL hashes of one part."""
    contenders, documents = read_contenders(workspace, unit.asked.contending, ["url"])
    addresses = [None if url is None else normalise_url(url) for url in documents["url"].to_pylist()]
    addressed = np.array([address is not None for address in addresses], bool)
    encoded = (address.encode("utf-8", "surrogatepass") for address in addresses if address is not None)
    summaries = (hashlib.blake2b(address, digest_size=16).digest() for address in encoded)
    keys = np.frombuffer(b"".join(summaries), "<u8").reshape(-1, 2)
    counts = send_claims(workspace, unit, keys, contenders.filter(pa.array(addressed)))
    return {**counts, "without_address": int((~addressed).sum())}


HASH = Step(name="deduplicate.url.hash", version=2, work=hash_part)  # 2: escapes as bytes, routes, no placeholders
RESOLVE = Step(name="deduplicate.url.resolve", version=1, work=resolve)
DROP = Step(name="deduplicate.url.drop", version=2, work=drop)


def plan(parts: Sequence[str], settings: UrlSettings, earlier: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    return plan_equal(STAGE, (HASH, RESOLVE, DROP), parts, settings, earlier, rule="equal_url", threshold="equal URL")
