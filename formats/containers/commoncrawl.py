"""Common Crawl by its lists and indexes: which archives there are, and which records of them are asked for.

An index is a CDXJ file (one line for a capture: key, time stamp, JSON), a CDX file (columns between spaces, as its first
line says or eleven or nine by custom) or a Parquet file of the columnar index. A row names archive, offset and mostly
length; only the selected rows are fetched, each by one ranged read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from winnow.formats.addresses import filesystem_of, opened
from winnow.formats.containers.bounds import RECORD_BYTES, lines_within
from winnow.formats.containers.columnar import LIMITS
from winnow.formats.containers.decoded import Allowance, parquet_batches, pieces
from winnow.formats.containers.inflate import Broken, Inflated
from winnow.formats.containers.json_text import read_json
from winnow.formats.containers.records import opened_table
from winnow.formats.containers.warc import Fault, Record, records
from winnow.formats.splits import Split

CDX = re.compile(r"(\.cdxj?|(^|/)cdx-\d+)(\.gz)?$", re.IGNORECASE)
ROWS = 10_000
LEGENDS = {11: "N b a m s k r M S V g", 9: "N b a m s k r V g"}
"""What the columns of a CDX file are by custom where its first line doesn't say."""
LETTERS = {"a": "url", "m": "mime", "s": "status", "S": "length", "V": "offset", "v": "offset", "g": "filename"}
HEADER = re.compile(rb"\W?CDX(?: \S)+\s*$")
COLUMNAR = {
    "url": "url",
    "filename": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
    "mime": "content_mime_detected",
    "status": "fetch_status",
    "languages": "content_languages",
}
TWO_LETTERS = dict(
    re.findall(
        r"\b(\w++)=(\w++)",
        "aar=aa abk=ab afr=af aka=ak amh=am ara=ar asm=as aym=ay aze=az bak=ba bel=be bul=bg bih=bh bis=bi ben=bn bod=bo "
        "bre=br bos=bs cat=ca cos=co ces=cs cym=cy dan=da deu=de div=dv dzo=dz ell=el eng=en epo=eo spa=es est=et eus=eu "
        "fas=fa fin=fi fij=fj fao=fo fra=fr fry=fy gle=ga gla=gd glg=gl grn=gn guj=gu glv=gv hau=ha heb=he hin=hi hrv=hr "
        "hat=ht hun=hu hye=hy ina=ia ind=id ile=ie ibo=ig isl=is ita=it iku=iu jpn=ja jav=jv kat=ka kaz=kk kal=kl khm=km "
        "kan=kn kor=ko kas=ks kur=ku kir=ky lat=la ltz=lb lug=lg lin=ln lao=lo lit=lt lav=lv mlg=mg mri=mi mkd=mk mal=ml "
        "mon=mn mar=mr msa=ms mlt=mt mya=my nau=na nep=ne nld=nl nor=no nno=nn nob=nb nya=ny oci=oc orm=om ori=or pan=pa "
        "pol=pl pus=ps por=pt que=qu roh=rm run=rn ron=ro rus=ru kin=rw san=sa snd=sd sag=sg sin=si slk=sk slv=sl "
        "smo=sm sna=sn som=so sqi=sq srp=sr ssw=ss sot=st sun=su swe=sv swa=sw tam=ta tel=te tgk=tg tha=th tir=ti tuk=tk "
        "tgl=tl tsn=tn ton=to tur=tr tso=ts tat=tt twi=tw uig=ug ukr=uk urd=ur uzb=uz ven=ve vie=vi vol=vo wol=wo xho=xh "
        "yid=yi yor=yo zha=za zho=zh zul=zu ",
    )
)
"""ISO 639-3 to 639-1, of the languages that Common Crawl tells apart (CLD2's)."""


class Selection(BaseModel):
    """Which captures of an index are wanted; an empty tuple wants all. Domains count with everything below them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domains: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # ISO 639-1 or 639-3; the first of a page's is its main one
    mimes: tuple[str, ...] = ("text/html", "application/xhtml+xml")
    statuses: tuple[int, ...] = (200,)

    def wants(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is asked for. A status or a type that the index doesn't tell is left to the record itself."""
        status, mime = (row.get(name) if row.get(name) != "-" else None for name in ("status", "mime"))
        if self.statuses and status is not None and str(status) not in map(str, self.statuses):
            return False
        if self.mimes and mime is not None and mime not in self.mimes:
            return False
        if self.languages and main_language(row.get("languages")) not in map(main_language, self.languages):
            return False
        host = urlsplit(str(row.get("url") or "")).hostname or ""
        domains = (domain.lower() for domain in self.domains)
        return not self.domains or any(host == domain or host.endswith(f".{domain}") for domain in domains)


def listed(path: str, base: str) -> list[str]:
    """The archives that a `*.paths` list names, one a line, each under `base`. Raises `ValueError` for a list cut short."""
    try:
        names = b"".join(_lines(path)).decode("utf-8").split()
    except Broken as broken:
        raise ValueError(f"{path}: {broken.rule} ({broken.value}); fetch the list of archives again") from broken
    return [f"{base.rstrip('/')}/{name}" for name in names]


def is_index(path: str) -> bool:
    """Whether a file is one: by its name, Parquet by its columns."""
    if not path.lower().endswith(".parquet"):
        return CDX.search(path) is not None
    try:
        with opened_table(path, "parquet") as stream:
            return COLUMNAR["filename"] in pq.read_schema(stream).names
    except pa.ArrowException:
        return False


def main_language(codes: object) -> str | None:
    """The first of `eng,deu` as documents bear it: ISO 639-1 where there is one."""
    code = str(codes or "").split(",")[0].strip().lower()
    return TWO_LETTERS.get(code, code) or None


def index_splits(path: str) -> list[Split]:
    """Parquet by row groups, CDXJ by ten thousand lines (the file is counted once).

    What is lost of a file that breaks off counts as one line more, so that reading the last piece meets it and says so.
    """
    if path.lower().endswith(".parquet"):
        with opened_table(path, "parquet") as stream:
            return [Split(path, group, group + 1) for group in range(pq.ParquetFile(stream).num_row_groups)]
    lines = 0
    try:
        for _ in _lines(path):
            lines += 1
    except Broken:
        lines += 1
    return [Split(path, first, min(first + ROWS, lines)) for first in range(0, lines, ROWS)]


def selected(split: Split, selection: Selection, base: str, limit: int) -> Iterator[tuple[str, Record | Fault]]:
    """The locator and record of each wanted row of a piece of an index; faults of the index stand at its own lines."""
    for line, row in _rows(split):
        if isinstance(row, Fault):
            yield f"{split.path}@{line}", row
            continue
        if not selection.wants(row):
            continue
        try:
            name, offset, length = str(row["filename"]), int(row["offset"]), _length(row.get("length"))
            if offset < 0:
                raise ValueError(f"offset {offset}")
        except (KeyError, TypeError, ValueError) as error:
            yield f"{split.path}@{line}", Fault(str(line), "index", f"{type(error).__name__}: {error}")
            continue
        place = f"{base.rstrip('/')}/{name}"
        yield f"{place}@{offset}", _fetched(place, offset, length, limit)


def _length(value: object) -> int | None:
    """How long a record is; None where the index doesn't say."""
    length = -1 if value in (None, "", "-") else int(str(value))
    return length if length > 0 else None


def _fetched(place: str, offset: int, length: int | None, limit: int) -> Record | Fault:
    """The record at a place of an archive, by one ranged read; by a few where its length is unknown."""
    filesystem, path = filesystem_of(place)
    nothing = Fault(str(offset), "truncated", "nothing there")
    try:
        if length is not None:
            content = filesystem.cat_file(path, start=offset, end=offset + length)
            return next(records(io.BytesIO(content), limit=limit), nothing)
        with filesystem.open(path, "rb") as stream:
            return next(records(stream, offset, offset + 1, limit=limit), nothing)
    except FileNotFoundError:
        return Fault(str(offset), "missing", place)


def _rows(split: Split) -> Iterator[tuple[int, Mapping[str, Any] | Fault]]:
    """The rows of a piece by their place in it (Parquet) or in the file (lines)."""
    if split.path.lower().endswith(".parquet"):
        with opened_table(split.path, "parquet") as stream:
            names = pq.ParquetFile(stream).schema_arrow.names
            columns = [column for column in COLUMNAR.values() if column in names]
            allowance = Allowance(stream.seek(0, io.SEEK_END), LIMITS)
            stream.seek(0)
            number = 0
            try:
                for batch in parquet_batches(stream, range(split.start, split.stop), columns, allowance):
                    for first, piece in pieces(batch, allowance):
                        if piece is None:
                            yield number + first, Fault(str(number + first), "size", f"> {RECORD_BYTES}")
                            continue
                        for place, row in enumerate(piece.to_pylist(), number + first):
                            yield place, {name: row.get(column) for name, column in COLUMNAR.items()}
                    number += len(batch)
            except Broken as broken:
                yield number, Fault("end", broken.rule, str(broken.value))
        return
    number = split.start
    legend = _legend(split.path)
    try:
        for number, line in enumerate(islice(_lines(split.path), split.start, split.stop), split.start):
            if line.strip() and not HEADER.match(line):
                yield number, _capture(line, number, legend)
    except Broken as broken:
        yield number, Fault("end", broken.rule, str(broken.value))


def _legend(path: str) -> Sequence[str]:
    """The letters of a CDX file's columns where its first line gives them."""
    try:
        first = next(_lines(path), b"")
    except Broken:
        return ()
    return first.decode("utf-8", "replace").split()[1:] if HEADER.match(first) else ()


def _capture(line: bytes, number: int, legend: Sequence[str]) -> Mapping[str, Any] | Fault:
    """A row by the names of `COLUMNAR`: the JSON of a CDXJ line, or the columns of a CDX line."""
    start = line.find(b"{")
    if start >= 0:
        try:
            row = read_json(line[start:])
        except ValueError as error:
            return Fault(str(number), "index", f"not JSON: {error}")
        return {**row, "mime": row.get("mime-detected") or row.get("mime")}
    columns = line.decode("utf-8", "replace").split()
    letters = legend or LEGENDS.get(len(columns), "").split()
    if not letters or len(letters) != len(columns):
        return Fault(str(number), "index", f"{len(columns)} columns")
    return {LETTERS[letter]: value for letter, value in zip(letters, columns, strict=True) if letter in LETTERS}


def _lines(path: str) -> Iterator[bytes]:
    """The lines of a file that may be compressed, an endless one as none. Raises `Broken` where it breaks off."""
    with opened(path) as stream:
        for _, line in lines_within(io.BufferedReader(Inflated(stream, LIMITS))):
            yield b"" if line is None else line
