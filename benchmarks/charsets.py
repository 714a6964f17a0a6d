"""Charsets told from bytes alone: our decision beside the detectors, on real texts re-encoded in what their readers used.

    python -m benchmarks.charsets FOLDER          of wheels whose catalogues and documentation measure (pip download)
    python -m benchmarks.charsets --debian FOLDER of Debian's packages instead: manual pages, documentation, questions
    python -m benchmarks.charsets --tuning        the texts that the decision was tuned on instead (news and the UDHR)
    python -m benchmarks.charsets --declared FOLDER of short texts, translations in `*.mo` (`/usr/share/locale`), each cut to
                                                  one to four words, too: those that in a charset of their language are UTF-8
                                                  by chance, and those in UTF-8 that declare a charset which can read them

Measured are translations of programs in some sixty languages, or those other texts, one text a catalogue or file and
charset, cut to 200 to 4,000 bytes with at least 20 that aren't ASCII. Right is the same decoded text, whatever the charset
is called. Shorter pieces are printed apart: there a rejection that names the true charset counts as right too.
"""

from __future__ import annotations

import gettext
import hashlib
import json
import random
import re
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.charset_texts import texts as of_debian
from benchmarks.gold import rows
from winnow.formats.charset.decision import decode
from winnow.formats.charset.detection import Undecided, detect
from winnow.formats.translations.catalogues import read_po

WRITTEN = {
    "zh gb18030 utf-16-le utf-16-be": "zh zh_hans zh_cn zh_hans_cn",
    "zh_hant big5 utf-16-le": "zh_hant zh_tw zh_hk zh_hant_tw",
    "ja cp932 euc_jp utf-16-le utf-16-be": "ja ja_jp",
    "ko cp949 utf-16-le": "ko ko_kr",
    "cyrillic cp1251 koi8-r iso8859-5 utf-16-le": "ru ru_ru bg bg_bg",
    "ukrainian cp1251 koi8-u utf-16-be": "uk uk_ua",
    "south cp1251": "be mk sr sr_rs sr_cyrl mn",
    "central cp1250 iso8859-2": "cs cs_cz pl pl_pl hu hu_hu sk sk_sk sl sl_si hr hr_hr bs ro ro_ro sq sr_latn",
    "west cp1252 iso8859-1 iso8859-15": (
        "fr fr_fr fr_ca de de_de de_at br es es_es es_ar es_mx es_co es_ve it it_it pt pt_br pt_pt nl nl_nl nl_be sv sv_se "
        "da da_dk nb no nb_no nn fi fi_fi is ca ca_es gl eu af ga id"
    ),
    "greek cp1253 iso8859-7": "el el_gr",
    "turkish cp1254 iso8859-9": "tr tr_tr az",
    "hebrew cp1255": "he he_il",
    "arabic cp1256": "ar ar_dz ar_eg fa fa_ir ur",
    "baltic cp1257": "lt lt_lt lv lv_lv et et_ee",
    "thai cp874": "th th_th",
    "vietnamese cp1258": "vi vi_vn",
}
CHARSETS = {language: group.split()[1:] for group, languages in WRITTEN.items() for language in languages.split()}
BROKEN = re.compile("[\x80-\x9f\ufffd]|[\u00c2\u00c3][\u0080-\u00bf]")  # mojibake in the source itself
LEAST_BYTES, MOST_BYTES, LEAST_HIGH = 200, 4000, 20


class Sample(NamedTuple):
    """One text in one charset."""

    language: str
    charset: str
    text: str
    content: bytes


def catalogues(folder: Path) -> Iterator[tuple[str, str]]:
    """`(language, text)` of each PO file of the wheels in a folder."""
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                found = re.search(r"(?:^|/)([A-Za-z]{2,3}(?:[_-]\w+)?)/LC_MESSAGES/[^/]+\.po$", name)
                if found is None or (language := found[1].lower().replace("-", "_")) not in CHARSETS:
                    continue
                pairs = [pair for pair in read_po(archive.read(name).decode("utf-8", "replace"))]
                yield language, "\n".join(pair.target for pair in pairs if pair.target != pair.source)


def tuning() -> Iterator[tuple[str, str]]:
    """News sentences of 79 languages and the UDHR, which no figure is printed from unless asked for."""
    for row in rows("langid/wortschatz_sentences_79langs"):
        sentences = row["sentences"] if isinstance(row["sentences"], list) else json.loads(row["sentences"])
        for start in range(0, len(sentences), 25):
            yield {"zh": "zh"}.get(row["lang"], row["lang"]), "\n".join(sentences[start : start + 25])


def written_in(text: str, charset: str) -> bytes | None:
    """The text in a charset; Vietnamese with the tones apart, as cp1258 has them. None where it lacks a character."""
    if charset == "cp1258":
        import unicodedata

        tones = "\u0300\u0301\u0303\u0309\u0323"
        text = "".join(
            unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", sign) if c not in tones))
            + "".join(c for c in unicodedata.normalize("NFD", sign) if c in tones)
            for sign in unicodedata.normalize("NFC", text)
        )
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        return None


def samples(texts: Iterator[tuple[str, str]], least: int, most: int, high: int) -> Iterator[Sample]:
    """Pieces of whole lines in every charset that their language is written in."""
    for language, text in texts:
        for charset in CHARSETS.get(language, ()):
            chance = random.Random(hashlib.blake2b(f"{charset}{text[:2000]}".encode()).digest())
            lines = [line for line in text.split("\n") if line.strip() and not BROKEN.search(line)]
            lines = [line for line in lines if written_in(line, charset) is not None]
            wanted = int(least * (most / least) ** chance.random())
            start = chance.randrange(max(len(lines) - 5, 1))
            content = b""
            wide = 2 if charset.startswith("utf-16") else 1
            for line in lines[start:]:
                added = written_in(line + "\n", charset) or b""
                content += added
                if len(content) >= wanted * wide:
                    break
            if len(content) < least or len(content) > 3 * most:
                continue
            count = sum(ord(c) > 127 for c in content.decode(charset)) if wide == 2 else sum(b > 127 for b in content)
            if count >= high:
                yield Sample(language, charset, content.decode(charset), content)


def ours(content: bytes) -> str | tuple[str, ...]:
    found = detect(content)
    return found.charsets if isinstance(found, Undecided) else content.decode(found, "replace")


def chardet(content: bytes) -> str:
    from chardet import detect as told

    return content.decode(told(content)["encoding"] or "latin-1", "replace")


def charset_normalizer(content: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    return "" if best is None else str(best)


def resiliparse(content: bytes) -> str:
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    told = detect_encoding(content, html5_compatible=False, from_html_meta=False) or "utf-8"
    return bytes_to_str(content, told)


def messages(folder: Path) -> Iterator[tuple[str, str]]:
    """`(language, text)` of the translations that programs show, each once, with pieces of one to four words or signs."""
    seen: set[tuple[str, str]] = set()
    for path in sorted(folder.rglob("*.mo")):
        language = re.sub(r"[@.].*", "", path.relative_to(folder).parts[0]).lower()
        if language not in CHARSETS:
            continue
        try:
            translations = gettext.GNUTranslations(path.open("rb"))
        except (OSError, ValueError, IndexError):  # not every file is one that Python reads
            continue
        for key, text in translations._catalog.items():  # type: ignore[attr-defined]
            if not key or not isinstance(text, str) or BROKEN.search(text) or key == text:
                continue
            chance = random.Random(f"{language}{text}")
            units = re.findall(r"[\u2e80-\uffff]+", text) if re.search(r"[\u2e80-\uffff]", text) else [text.split()]
            unit, most = chance.choice(units), chance.randint(1, 4)
            start = chance.randrange(max(len(unit) - most, 0) + 1)
            part = unit[start : start + most]
            for piece in (text, part if isinstance(part, str) else " ".join(part)):
                if not piece.isascii() and (language, piece) not in seen:
                    seen.add((language, piece))
                    yield language, piece


def declared(folder: Path, wrong: bool) -> None:
    """How many short texts are read right that are UTF-8 by chance, and that are UTF-8 and declare something else."""
    chances, right, lies, taken = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    encoded = 0
    for language, text in messages(folder):
        own = {charset for charset in CHARSETS[language] if not charset.startswith("utf")}
        for charset in own:
            content = written_in(text, charset)
            encoded += content is not None
            if content is not None and is_utf_8(content):
                signs = min(len(set(content.decode()) - set(map(chr, range(128)))), 8)
                chances[signs] += 1
                right[signs] += (good := decode(content, declared=(charset,)).text == content.decode(charset))
                if wrong and not good:
                    click.echo(f"  {language} {charset} {content.decode(charset)[:60]!r} {content.decode()[:60]!r}")
        if random.Random(text).random() < 0.1:
            for charset in sorted(own | {"cp1252", "gb18030"}):
                try:
                    text.encode().decode(charset)
                except UnicodeDecodeError:
                    continue
                signs = min(len(set(text) - set(map(chr, range(128)))), 8)
                lies[signs] += 1
                taken[signs] += (good := decode(text.encode(), declared=(charset,)).text == text)
                if wrong and not good:
                    click.echo(f"  {language} declares {charset} {text[:60]!r}")
    click.echo(f"{encoded:,} short texts in charsets of their languages, {chances.total():,} of them UTF-8 by chance")
    for title, count, good in (("by chance", chances, right), ("wrongly declared", lies, taken)):
        told = ", ".join(f"{signs} {good[signs]}/{count[signs]}" for signs in sorted(count))
        click.echo(f"  {title:<16} right {good.total() / count.total():.4f}   by different signs: {told}")


def is_utf_8(content: bytes) -> bool:
    try:
        return bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


ENGINES: dict[str, Callable[[bytes], str | tuple[str, ...]]] = {
    "winnow": ours,
    "chardet": chardet,
    "charset-normalizer": charset_normalizer,
    "resiliparse": resiliparse,
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--debian", is_flag=True, help="the folder holds packages of Debian")
@click.option("--tuning", "tuned", is_flag=True, help="print the texts that the decision was tuned on")
@click.option("--alone", is_flag=True, help="ours without its peers")
@click.option("--wrong", is_flag=True, help="print what we got wrong")
@click.option(
    "--declared", "declarations", is_flag=True, help="short texts and what they declare; the folder holds `*.mo`"
)
def main(folder: Path | None, debian: bool, tuned: bool, alone: bool, wrong: bool, declarations: bool) -> None:
    if declarations and folder is not None:
        declared(folder, wrong)
        return
    if folder is None and not tuned:
        raise click.UsageError("name a folder of wheels, or --tuning")
    texts = list(tuning() if tuned or folder is None else of_debian(folder) if debian else catalogues(folder))
    for title, bounds in (("≥ 200 bytes", (LEAST_BYTES, MOST_BYTES, LEAST_HIGH)), ("40 to 200 bytes", (40, 190, 3))):
        cases = list(samples(iter(texts), *bounds))
        charsets = Counter(case.charset for case in cases)
        click.echo(f"{title}: {len(cases):,} texts, {len(charsets)} charsets")
        for name, engine in ENGINES.items():
            if alone and name != "winnow":
                continue
            right, named = Counter[str](), Counter[str]()
            began = time.process_time()
            for case in cases:
                got = engine(case.content)
                if isinstance(got, tuple):
                    named[case.charset] += any(case.content.decode(told, "replace") == case.text for told in got)
                elif got.rstrip("\n") == case.text.rstrip("\n"):
                    right[case.charset] += 1
                if wrong and name == "winnow" and (isinstance(got, tuple) or got != case.text):
                    told = got if isinstance(got, tuple) else got[:60]
                    click.echo(f"  {case.language} {case.charset} {len(case.content)} {case.text[:60]!r} {told!r}")
            spent = time.process_time() - began
            weak = ", ".join(
                f"{charset} {right[charset] / count:.3f}"
                for charset, count in charsets.items()
                if right[charset] < count
            )
            click.echo(
                f"  {name:<20} right {right.total() / len(cases):.4f}  named in a rejection {named.total() / len(cases):.4f}"
                f"  {1e3 * spent / len(cases):.2f} ms a text   {weak}"
            )


if __name__ == "__main__":
    main()
