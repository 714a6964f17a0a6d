"""Duplicates by URL: of the documents fetched from one address, the preferred stays. Documents without a URL all stay.

An address is compared without its scheme, `www.`, default port, user, fragment and trailing slash, without parameters
that only track (`utm_…`, `gclid` …) and with the others sorted; the host in lower case, percent escapes in upper.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np

from winnow.stages.deduplicate.contender import read_contenders
from winnow.stages.deduplicate.equal import EqualSettings, plan_equal, resolve, send_claims
from winnow.stages.deduplicate.verdict import drop
from winnow.stages.run.unit import Counts, Step, Unit
from winnow.stages.run.workspace import Workspace

STAGE = "deduplicate.url"

_TRACKING = re.compile(
    r"(?:utm_\w+|[gdmy]clid|fbclid|msclkid|igshid|mc_[ce]id|_ga|ref_src|spm|sessionid|phpsessid)", re.I
)
_ESCAPE = re.compile(r"%[0-9a-f]{2}", re.I)


class UrlSettings(EqualSettings):
    """The manifest's `url` section."""


def normalise_url(url: str) -> str:
    """The address in the form that is compared. What is no URL stays as it is, without white space at the ends."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return url.strip()
    if not host:
        return url.strip()
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0])]
    path = _ESCAPE.sub(lambda escape: escape[0].upper(), parts.path).rstrip("/")
    return host.removeprefix("www.") + path + ("?" + urlencode(sorted(query)) if query else "")


def hash_part(workspace: Workspace, unit: Unit) -> Counts:
    """Scatters the URL hashes of one part."""
    told = unit.parameters
    settings = UrlSettings.model_validate(told["settings"])
    contenders, documents = read_contenders(workspace, told["part"], told["earlier"], settings.preference, ["url"])
    addressed = documents["url"].is_valid().combine_chunks()
    urls = documents["url"].filter(addressed).to_pylist()
    summaries = (hashlib.blake2b(normalise_url(url).encode(), digest_size=16).digest() for url in urls)
    keys = np.frombuffer(b"".join(summaries), "<u8").reshape(-1, 2)
    return send_claims(workspace, unit, keys, contenders.filter(addressed))


HASH = Step(name="deduplicate.url.hash", version=1, work=hash_part)
RESOLVE = Step(name="deduplicate.url.resolve", version=1, work=resolve)
DROP = Step(name="deduplicate.url.drop", version=2, work=drop)


def plan(
    parts: Sequence[str], settings: UrlSettings, earlier: Sequence[str] = ()
) -> tuple[tuple[Step, list[Unit]], ...]:
    """The steps of the level in order, with their units. `earlier`: the dropping stages before it."""
    return plan_equal(STAGE, (HASH, RESOLVE, DROP), parts, settings, earlier, rule="equal_url", threshold="equal URL")
