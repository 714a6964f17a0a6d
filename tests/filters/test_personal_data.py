"""Personal data: each kind by cases that are and cases that only look so, check digits by an oracle, and the gold set."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.filters.identifiers import (
    IDENTITY_CHECKS,
    IDENTITY_WEIGHTS,
    is_bank_card,
    is_identity_card,
    is_public_address,
)
from winnow.filters.personal_data import edit, find_personal_data, measure


def found(text: str) -> list[tuple[str, str]]:
    spans = find_personal_data(pa.array([text], pa.large_string())).get(0, [])
    return [(str(kind), text.encode()[start:end].decode()) for kind, start, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.doe+news@mail.orchard.co.uk, please", [("email", "jane.doe+news@mail.orchard.co.uk")]),
        ("联系邮箱：zhang@orchard.cn。", [("email", "zhang@orchard.cn")]),
        ("from 8.8.4.4 to 2001:4860:4860:0:0:0:0:8888", [("ip_address", "2001:4860:4860:0:0:0:0:8888")]),
        ("host 185.199.111.133 answered", [("ip_address", "185.199.111.133")]),
        ("call +44 (0)20 7946 0958 now", [("phone", "+44 (0)20 7946 0958")]),
        ("(415) 555-2671 or 415-555-2671 x12", [("phone", "(415) 555-2671"), ("phone", "415-555-2671 x12")]),
        ("手机13812345678，座机010-62345678", [("phone", "13812345678"), ("phone", "010-62345678")]),
        ("My phone number is 0490 75 40 81.", [("phone", "0490 75 40 81")]),
        ("身份证号11010519491231002X", [("identity_card", "11010519491231002X")]),
        ("card 4111 1111 1111 1111 expires", [("bank_card", "4111 1111 1111 1111")]),
        ("银行卡6222021234567890129", []),
        ("My SSN is 219-09-9999, please.", [("social_security", "219-09-9999")]),
        ("Pay to IBAN DE89 3704 0044 0532 0130 00 by Friday.", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("account GB29 NWBK 6016 1331 9268 19 at once", [("iban", "GB29 NWBK 6016 1331 9268 19")]),
        ("FR1420041010050500013M02606", [("iban", "FR1420041010050500013M02606")]),
        ("Ring London on 0044 20 7946 0958 tomorrow.", [("phone", "0044 20 7946 0958")]),
        *(
            (f"{before} {number} {after}", [("phone", number)])
            for before, after in (("You find us under", "until noon."), ("Büro:", ""))
            for number in (
                "020 7946 0958",
                "030 12345678",
                "01 23 45 67 89",
                "03-1234-5678",
                "(11) 91234-5678",
                "0212 123 45 67",
                "8 (495) 123-45-67",
                "098765 43210",
                "02-2345-6789",
                "(02) 9374 4000",
                "0171/2345678",
                "010-1234-5678",
            )
        ),
    ],
)
def test_what_is_personal_is_found_with_its_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "logo@2x.png and git@github.com:a/b.git and user@example.com",
        "version 1.2.3.4 and section 6.2.1.4 of the law, v10.44.0.1",
        "192.168.1.1 10.0.0.1 127.0.0.1 224.0.0.251 fe80::1 ::1 a[::2] Vec<T>::E 12:34:56",
        "on 2023-11-12 10:30:00 and from 1998-2004; ISBN 978-3-16-148410-0; π = 3.14159265358979",
        "11010519491231002Y and 110105194912310021 and 110105199002300028",
        "order 4111 1111 1111 1112 and 0000 0000 0000 0000",
        "1234567 people, 20210101123456, id=13812345678901",
        "219-09-9999 is a part, 000-12-3456 and SSN 987-65-4321 are none",
        "DE89 3704 0044 0532 0130 01 and GB28 NWBK 6016 1331 9268 19 and AB12 CDEF 1234 5678 9012",
        "51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA; Cambridge, Massachusetts\n * 02139-4307, USA",
        "2.015 2015/05/13\n- Work around a fault; 2.024 2016/02/06\n- call it",
        "# 0049 0058 and 0049 0049 0049; row 4 135 1395 2175 3375 and 24 0.0000 4 255 240 4155 2100; (merge 0573831950 jk/x)",
        "r + 11833750*p**2*q**8*r - 615478515625*q*r*s**5 + 4828147466240000*t**14, default_rng(4202165767276), 2.3 + 3.5710229203j",
        "58483 58620 58756 58893 59030 59167 59305 and 498 506 515 524 532 541, detail/5390364397928448",
        "imagemagick (8:6.9.11.60+dfsg-1.2), 1.2.99.4-2, Bump to 1.2.99.4, Requires x ≥ 7.0.99.1, OID 1.3.101.111, as of 2.0.99.2",
        "00:12:34 0.5 0012345 2024-01-02 0x0044 20 7946, rows 0 12 345 678, 0.123 456 789, 1/2/2020 (2019) 123",
        "",
    ],
)
def test_what_only_looks_personal_is_left_alone(text: str) -> None:
    assert found(text) == []


@given(st.integers(1900, 2020), st.integers(1, 12), st.integers(1, 28), st.integers(0, 999))
def test_one_check_digit_of_eleven_makes_an_identity_card(year: int, month: int, day: int, order: int) -> None:
    body = f"310101{year:04d}{month:02d}{day:02d}{order:03d}"
    valid = [digit for digit in "0123456789X" if is_identity_card(body + digit)]
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body)) % 11  # ISO 7064 MOD 11-2
    assert len(valid) == 1 and (total + (10 if valid[0] == "X" else int(valid[0]))) % 11 == 1
    assert len(IDENTITY_WEIGHTS) == 17 and len(IDENTITY_CHECKS) == 11


@given(st.integers(0, 10**11 - 1))
def test_one_last_digit_of_ten_makes_a_bank_card(body: int) -> None:
    stem = f"4532{body:011d}"
    valid = [digit for digit in "0123456789" if is_bank_card(stem + digit)]
    assert len(valid) == 1
    digits = [int(digit) for digit in stem + valid[0]]
    assert (sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])) % 10 == 0


def test_only_addresses_that_everybody_can_reach_are_public() -> None:
    assert [is_public_address(text) for text in ("1.2.3.4", "100.64.0.1", "169.254.0.1", "240.0.0.1", "x")] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_edits_replace_every_kind_and_record_places_but_no_values() -> None:
    texts = ["é jane@orchard.net and 13812345678", "nothing here", None]
    documents = pa.table({"id": ["a", "b", "c"], "text": pa.array(texts, pa.large_string())})
    edited, measures = edit(documents)
    assert edited["text"].to_pylist() == ["é <EMAIL> and <PHONE_NUMBER>", "nothing here", None]
    spans = measures["personal_data.spans"].to_pylist()
    assert json.loads(spans[0]) == [["email", 3, 19], ["phone", 24, 35]] and spans[1:] == [None, None]
    assert measures["personal_data.count"].to_pylist() == [2, 0, 0]
    assert "jane" not in json.dumps(measures.to_pylist())
    only, _ = edit(documents, kinds=["phone"], placeholders={"phone": "☎"})
    assert only["text"][0].as_py() == "é jane@orchard.net and ☎"
    with pytest.raises(ValueError, match="shoe_size"):
        edit(documents, kinds=["shoe_size"])


@given(st.lists(st.text(alphabet="a1 @.-+:中()", max_size=60), max_size=6))
def test_findings_stay_when_documents_are_sliced_and_put_in_chunks(texts: list[str]) -> None:
    whole = measure(pa.table({"text": pa.array(["x", *texts], pa.large_string())})).to_pylist()
    sliced = measure(pa.table({"text": pa.array(["x", *texts], pa.large_string())}).slice(1)).to_pylist()
    chunked = measure(
        pa.table({"text": pa.chunked_array([["x"], texts[:2], texts[2:]], pa.large_string())})
    ).to_pylist()
    assert sliced == whole[1:] and chunked == whole


def test_precision_and_recall_on_the_gold_sentences(corpora_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    kinds = {"EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip_address", "PHONE_NUMBER": "phone", "CREDIT_CARD": "bank_card"}
    rows = corpora_rows("pii/presidio_synth_v2")
    spans = find_personal_data(pa.array([row["full_text"] for row in rows], pa.large_string()))
    right = {kind: 0 for kind in kinds.values()}
    gold = dict(right)
    wrong = dict(right)
    for number, row in enumerate(rows):
        true = []
        for span in row["spans"]:
            if kind := kinds.get(span["entity_type"]):
                edges = (len(row["full_text"][: span[end]].encode()) for end in ("start_position", "end_position"))
                true.append((kind, *edges))
        guessed = [tuple(span) for span in spans.get(number, [])]
        overlaps = [(a, b) for a in true for b in guessed if a[0] == b[0] and a[1] < b[2] and b[1] < a[2]]
        for kind in right:
            gold[kind] += sum(span[0] == kind for span in true)
            right[kind] += sum(span[0] == kind for span in {span for span, _ in overlaps})
            wrong[kind] += sum(span[0] == kind and span not in {guess for _, guess in overlaps} for span in guessed)
    for kind in right:
        assert right[kind] / gold[kind] >= 0.95, kind
        assert right[kind] / (right[kind] + wrong[kind]) >= 0.99, kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "jane [at] orchard [dot] org or bob(AT)mail.orchard.de",
            [("email", "jane [at] orchard [dot] org"), ("email", "bob(AT)mail.orchard.de")],
        ),
        ("加微信号：zhang_san88，QQ：312345678，谢谢", [("account", "zhang_san88"), ("account", "312345678")]),
        ("WeChat: wang-wu9 or 扣扣 1234567", [("account", "wang-wu9"), ("account", "1234567")]),
        (
            "from 2606:4700:4700::1111 to 2a00:1450:4001:81b::200e",
            [("ip_address", "2606:4700:4700::1111"), ("ip_address", "2a00:1450:4001:81b::200e")],
        ),
        ("护照号 E12345678, passport no. 533380006", [("passport", "E12345678"), ("passport", "533380006")]),
        (
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            [("passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")],
        ),
        *(
            (f"{word} {number}, as agreed", [("national_number", number)])
            for word, number in (
                ("I am", "529.982.247-25"),
                ("signed", "RSSMRA85T10A562S"),
                ("signed", "BOXW310820HNERXN09"),
                ("NHS", "943 476 5919"),
                ("PESEL", "44051401359"),
                ("born", "131052-308T"),
                ("DNI", "12345678Z"),
                ("Aadhaar", "2341 2341 2346"),
                ("BSN", "111222333"),
                ("AHV", "756.9217.0769.85"),
            )
        ),
    ],
)
def test_addresses_spelled_out_accounts_and_numbers_of_persons(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "an array[at] or f(at) here, meet me (at) noon, sorted [at] last",
        "微信支付很方便，微信group里，WeChat account; QQ音乐",
        "529.982.247-26 RSSMRA85T10A562T 131052-308U 756.9217.0769.84 L898902C36UTO7408122F1204159ZE184226B<<<<<11",
        "total 44051401359, 12345678Z and 111222333 without a word, MAKEFILE2024ABCDEFGH",
        "2001::1 fe80::1:2:3 dead::beef:1 std::array::at",
    ],
)
def test_what_lacks_a_check_digit_or_a_word_is_left_alone(text: str) -> None:
    assert found(text) == []
