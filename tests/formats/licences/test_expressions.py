"""Licences: SPDX expressions from texts, headers and metadata, against ScanCode's labelled notices and texts."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from license_expression import get_license_index

from winnow.filters.license import PERMISSIVE, Category, category, normalize
from winnow.formats.licences.expressions import any_of, declared, of_header, of_text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("mit", "MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("(MIT AND BSD-3-Clause) OR GPL-2.0-only", "(MIT AND BSD-3-Clause) OR GPL-2.0-only"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("SEE LICENSE IN x", None),
        ("", None),
        ("((((", None),
    ],
)
def test_expressions_are_spelled_as_spdx_spells_them(said: str, expected: str | None) -> None:
    assert normalize(said) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", Category.PERMISSIVE),
        ("CC0-1.0", Category.PUBLIC_DOMAIN),
        ("GPL-3.0-only", Category.COPYLEFT),
        ("LGPL-2.1-or-later", Category.COPYLEFT_LIMITED),
        ("MIT OR GPL-3.0-only", Category.PERMISSIVE),
        ("MIT AND GPL-3.0-only", Category.COPYLEFT),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Category.COPYLEFT_LIMITED),
        ("CC-BY-NC-4.0", Category.RESTRICTED),
        ("BUSL-1.1", Category.RESTRICTED),
        ("NoSuchLicense", Category.UNKNOWN),
        (None, Category.UNKNOWN),
    ],
)
def test_an_or_is_as_free_as_its_freest_an_and_as_strict_as_its_strictest(
    expression: str | None, expected: Category
) -> None:
    assert category(expression) is expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\nint x;", "Apache-2.0 WITH LLVM-exception"),
        ("/* SPDX-License-Identifier: (GPL-2.0 OR MIT) */", "GPL-2.0-only OR MIT"),
        ("# Licensed under the Apache License, Version 2.0 (the\n# \"License\");", "Apache-2.0"),
        ("/*\n * under the terms of the GNU General Public License as\n * published by the FSF; version 2, or\n"
         " * (at your option) any later version.\n */", "GPL-2.0-or-later"),
        ("import license\nlicense.check()\n", None),
        ("x = 1\n", None),
    ],
)  # fmt: skip
def test_headers(head: str, expected: str | None) -> None:
    assert of_header(head) == expected


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        ("Licensed under either of Apache License, Version 2.0 or MIT license at your option.", "Apache-2.0 OR MIT"),
        ("Dual licensed under the MIT and GPL licenses.", "GPL-1.0-or-later OR MIT"),
        ("Parts are under the MIT license and parts under the Apache License 2.0.", "Apache-2.0 AND MIT"),
        (
            "Under the MIT license.\nThe documentation is under the GNU General Public License, version 2.",
            "GPL-2.0-only AND MIT",
        ),
        ("Licensed under the Apache License, Version 2.0, with the Commons Clause restriction.", None),
        ("This is proprietary software. It contains parts under the MIT license.", None),
        ("Redistribution and use in source and binary forms are not permitted.", None),
        ("A modified version of the Apache License, Version 2.0, that restricts the use of the software.", None),
        ("Licensed under the MIT license for non-commercial purposes.", None),
        ("Business Source License; after the change date the Apache License, Version 2.0.", None),
        ("License: this code is no longer in the public domain.", None),
        ("This code is in the public domain.", "LicenseRef-scancode-public-domain"),
    ],
)
def test_a_notice_of_several_is_an_expression_and_one_that_restricts_is_none(notice: str, expected: str | None) -> None:
    assert of_header(f"# {notice}\n") == expected


def test_a_permissive_text_that_was_changed_or_goes_on_is_unknown(corpora: Path) -> None:
    (text,) = (
        row["text"] for row in rows(corpora / "license/scancode_license_texts.jsonl.zst") if row["spdx"] == "Apache-2.0"
    )
    assert of_text(text) == "Apache-2.0"
    assert of_text(text.replace("Apache License", "Apache License (as modified)", 1)) is None
    last = text.index("END OF TERMS")
    further = "10. Field of use. The Work may be used in vehicles of the Licensor.\n\n   "
    assert of_text(f"{text[:last]}{further}{text[last:]}") is None
    assert of_text(f"This is a modified Apache License.\n{text}") is None
    assert of_text(f"{text}\n\n1. Ours.\n10 people wrote it, 12.5 of them here.") == "Apache-2.0"


def test_what_is_not_permissive_seldom_passes_as_permissive(corpora: Path) -> None:
    """ScanCode's rules by hash: the half that words were chosen on, and the other, looked at once."""
    spdx = {entry["license_key"]: entry["spdx_license_key"] or "LicenseRef-unknown" for entry in get_license_index()}
    passing, texts, permissive, told = [0, 0], [0, 0], 0, 0
    for row in rows(corpora / "license/scancode_rules.jsonl.zst"):
        if row["license_expression"] not in spdx:
            continue  # of several licences
        kind = category(spdx[row["license_expression"]])
        said = category(of_header("license\n" + row["text"])) in PERMISSIVE
        if kind in PERMISSIVE:
            permissive, told = permissive + 1, told + said
        elif kind is not Category.UNKNOWN:
            half = hashlib.sha256(row["id"].encode()).digest()[-1] % 2
            passing[half] += said
            texts[half] += category(of_text(row["text"])) in PERMISSIVE
    assert passing[0] == texts[0] == 0
    assert passing[1] <= 2 and texts[1] <= 2
    assert told / permissive > 0.4


MIT_CHANGED = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    'documentation files (the "Software"), to deal in the Software{} including without limitation the rights to use, copy, '
    "modify, merge, publish, distribute, sublicense,{} sell copies of the Software, and to permit persons to whom the Software "
    "is furnished to do so, subject to the following conditions: the above copyright notice and this permission notice shall "
    "be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED AS IS."
)


def test_a_permissive_wording_with_a_change_of_its_own_is_no_permissive_notice() -> None:
    assert of_header(MIT_CHANGED.format(" without restriction,", " and/or")) == "MIT"
    assert of_header(MIT_CHANGED.format(",", " and/or")) is None
    assert of_header(MIT_CHANGED.format(" without restriction,", " but not")) is None
    assert of_header("licensed under a restricted modification of the MIT license.") is None
    assert (
        of_header("licensed under the BSL 1.1, converting to the open-source Apache 2.0 license after 4 years.") is None
    )


def test_metadata_as_people_write_them() -> None:
    said = ["MIT License", "Apache 2.0", "BSD", "GPLv3+", "Apache-2.0 OR MIT", "Proprietary stuff", "", None]
    found = ["MIT", "Apache-2.0", "BSD-3-Clause", "GPL-3.0-or-later", "Apache-2.0 OR MIT", None, None, None]
    assert [declared(name) for name in said] == found
    assert any_of(["mit", "Apache-2.0"]) == "Apache-2.0 OR MIT"
    assert any_of([]) is None


def rows(path: Path) -> Iterator[dict[str, str]]:
    with zstandard.open(path, "rb") as stream:
        yield from map(json.loads, io.TextIOWrapper(stream, encoding="utf-8"))


def test_labelled_notices_of_common_licences(corpora: Path) -> None:
    spdx = {entry["license_key"]: entry["spdx_license_key"] for entry in get_license_index()}
    common = {
        "mit",
        "apache-2.0",
        "bsd-new",
        "gpl-2.0",
        "gpl-2.0-plus",
        "gpl-3.0",
        "gpl-3.0-plus",
        "lgpl-2.1-plus",
        "mpl-2.0",
        "isc",
    }
    gold = [row for row in rows(corpora / "license/scancode_rules.jsonl.zst") if row["license_expression"] in common]
    notices = [row for row in gold if "is_license_notice" in row["kind"]][::3]
    right = sum(of_header(row["text"]) == normalize(spdx[row["license_expression"]]) for row in notices)
    free = [category(spdx[row["license_expression"]]) is category(of_header(row["text"])) for row in notices]
    assert len(notices) > 100
    assert right / len(notices) > 0.80
    assert sum(free) / len(free) > 0.85


def test_what_restricts_use_is_never_taken_for_a_permissive_licence(corpora: Path) -> None:
    restricted = ("Proprietary Free", "Source-available", "Free Restricted", "Commercial")
    texts = [row for row in rows(corpora / "license/scancode_license_texts.jsonl.zst") if row["category"] in restricted]
    assert len(texts) > 10
    wrong = [
        row["spdx"] for row in texts if category(of_text(row["text"])) in (Category.PERMISSIVE, Category.PUBLIC_DOMAIN)
    ]
    assert len(wrong) <= len(texts) * 0.05, wrong


def test_texts_of_spdx_licences_are_told_and_seldom_confused(corpora: Path) -> None:
    """ScanCode's labelled texts, exceptions and rare licences among them; unknown is no error, another licence is."""
    texts = [row for row in rows(corpora / "license/scancode_license_texts.jsonl.zst") if row["text"]][::3]
    found = [(normalize(row["spdx"]), of_text(row["text"])) for row in texts]
    told = [(expected, said) for expected, said in found if said is not None]
    right = sum(expected == said for expected, said in told)
    assert len(texts) > 200
    assert right / len(texts) > 0.60
    assert right / len(told) > 0.75


def test_a_trove_classifier_in_the_licence_field_is_a_licence() -> None:
    assert declared("License :: OSI Approved :: Apache Software License") == "Apache-2.0"
    assert declared("License :: OSI Approved") is None
