"""Projects of LaTeX are joined as TeX would, problems keep their answer, and formal proofs stay as they are."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

LONG = "Mills grind flour with water. " * 12
MAIN = r"\documentclass{book}\input{macros}\title{Mills}\begin{document}\input{chapters/one}\include{two}\end{document}"


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


PROJECT = {
    "main.tex": MAIN.encode(),
    "macros.tex": (r"\newcommand{\water}{H$_2$O}" + "\n").encode(),
    "chapters/one.tex": (r"\chapter{One}\input{main}" + LONG + r"\water").encode(),
    "two.tex": rf"\chapter{{Two}} {LONG}".encode(),
    "loose.tex": rf"\section{{Loose}} {LONG} M\"uhle".encode(),
    "latin.tex": f"\\section{{Latin}} {LONG} Mühle".encode("latin-1"),
    "figure.png": b"\x89PNG",
}


PARTS = {
    "macros.tex": ("joined", "stands in main.tex"),
    "chapters/one.tex": ("joined", "stands in main.tex"),
    "two.tex": ("joined", "stands in main.tex"),
}


def left_out(rejections: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """`{file: (rule, value)}`."""
    rules = (row["rule"].removeprefix("mathematics.") for row in rejections)
    names = (row["locator"].rpartition("!")[2] for row in rejections)
    return {name: (rule, row["value"]) for name, rule, row in zip(names, rules, rejections, strict=True)}


def test_project_is_one_document_in_the_order_of_its_inputs(tmp_path: Path, ingest: Any) -> None:
    documents, rejections = ingest("mathematics", tar(tmp_path / "paper.tar.gz", PROJECT))
    assert left_out(rejections) == PARTS
    by_name = {row["locator"].rpartition("!")[2]: row for row in documents}
    assert sorted(by_name) == ["latin.tex", "loose.tex", "main.tex"]
    main = by_name["main.tex"]
    assert main["title"] == "Mills"
    assert main["text"].index("# One") < main["text"].index("H$_2$O") < main["text"].index("# Two")
    assert "Mühle" in by_name["loose.tex"]["text"]
    assert "Mühle" in by_name["latin.tex"]["text"]


def test_bulk_archive_of_papers_is_read_paper_by_paper(tmp_path: Path, ingest: Any) -> None:
    single = rf"\documentclass{{article}}\begin{{document}}\section{{Single}} {LONG}\end{{document}}".encode()
    inner = tar(tmp_path / "inner.tar.gz", PROJECT).read_bytes()
    papers = {
        "2401/a.gz": inner,
        "2401/b.gz": gzip.compress(single),
        "2401/c.gz": b"\x1f\x8bx",
        "2401/2401.00001.gz": gzip.compress(single),
        "2401/2401.00002.gz": gzip.compress(b"%PDF-1.5"),
        "2401/2401.00003.gz": tar(
            tmp_path / "figures.tar.gz", {"figure.png": b"\x89PNG", "LICENSE": b"MIT"}
        ).read_bytes(),
        "2401/2401.00004.pdf": b"%PDF-1.5",
    }
    documents, rejections = ingest("mathematics", tar(tmp_path / "bulk.tar", papers))
    assert sorted(row["locator"].partition("!")[2] for row in documents) == [
        "2401/2401.00001.gz!2401/2401.00001.tex",
        "2401/a.gz!latin.tex",
        "2401/a.gz!loose.tex",
        "2401/a.gz!main.tex",
        "2401/b.gz!2401/b.tex",
    ]
    nothing = ("nothing", "no file of a kind that is read")
    found = left_out(rejections)
    assert found.pop("2401/c.gz")[0] == "truncated"
    assert found == {**PARTS, "2401/2401.00002.gz": nothing, "2401/2401.00003.gz": nothing}


def test_lone_papers_and_bulk_archives_in_folders_are_read(tmp_path: Path, ingest: Any) -> None:
    source = rf"\documentclass{{article}}\begin{{document}}\section{{Lone}} {LONG}\end{{document}}".encode()
    (tmp_path / "2401.00001v2.gz").write_bytes(gzip.compress(source))
    documents, rejections = ingest("mathematics", tmp_path / "2401.00001v2.gz")
    assert ([row["title"] for row in documents], rejections) == (["Lone"], [])
    tar(tmp_path / "bulk.tar", {"2401.00002.gz": gzip.compress(source), "PAPER.TEX": source})
    documents, rejections = ingest("mathematics", tmp_path)
    assert (len(documents), rejections) == (3, [])
    for depth in range(3):
        tar(
            tmp_path / "deep.tar",
            {f"{depth}.tar": (tmp_path / ("deep" if depth else "bulk")).with_suffix(".tar").read_bytes()},
        )
    documents, rejections = ingest("mathematics", tmp_path / "deep.tar")
    assert (documents, [row["rule"] for row in rejections]) == ([], ["mathematics.depth"])


def test_a_compressed_file_of_other_text_is_no_paper(tmp_path: Path, ingest: Any) -> None:
    plain = rf"\magnification=1200{chr(10)}\def\R{{real}} {LONG} \R{chr(10)}\bye".encode()
    manual = f".TH NODE 1\n.SH NAME\nnode \\- \\fBserver\\fR {LONG}".encode()
    for name, content in (
        ("9901001", plain),
        ("NEWS.Debian", LONG.encode()),
        ("copyright", LONG.encode()),
        ("2.1", manual),
    ):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    documents, rejections = ingest("mathematics", tmp_path)
    assert [row["locator"].rpartition("!")[2] for row in documents] == ["9901001.tex"]
    assert sorted(left_out(rejections)) == ["2.1.gz", "NEWS.Debian.gz", "copyright.gz"]


def test_every_file_that_is_asked_for_is_a_document_or_a_rejection(tmp_path: Path, ingest: Any) -> None:
    preamble = "\n".join(rf"\newcommand{{\m{letter}}}{{x}}" for letter in "abcdefgh")
    files = {
        "main.tex": rf"\documentclass{{article}}{preamble}\begin{{document}}\section{{A}} {LONG}\end{{document}}",
        "macros.tex": preamble,
        "style.cls": preamble,
        "stub.ltx": "See elsewhere.",
        "tests/page.md": f"# Page\n\n{LONG}",
        "pages/LICENSE.md": "MIT",
        "notes.txt": LONG,
        "figure.png": "PNG",
        "refs.bib": "@book{a}",
        "mill.py": f'def turn():\n    """{LONG}"""\n',
        "broken.py": "def turn(:",
    }
    path = tar(tmp_path / "paper.tar.gz", {name: text.encode() for name, text in files.items()})
    documents, rejections = ingest("mathematics", path, docstrings=True, include=["*.tex", "*.ltx", "*.md", "*.txt"])
    assert [row["title"] for row in documents] == ["A"]
    assert left_out(rejections) == {
        "macros.tex": ("macros", "8"),
        "style.cls": ("macros", "8"),
        "stub.ltx": ("short", "15"),
        "tests/page.md": ("page", "tests, metadata or a licence"),
        "pages/LICENSE.md": ("page", "tests, metadata or a licence"),
        "notes.txt": ("format", ".txt"),
        "mill.py": ("formulas", "0"),
        "broken.py": ("docstrings", "no Python"),
    }


def test_problems_become_conversations_with_a_label(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "problems.jsonl"
    rows = [
        {"question": "2+2?", "answer": "Two and two <<2+2=4>>are 4.\n#### 4"},
        {"题目": "二加二？", "solution": "二加二等于四。", "answer": "4"},
        {"problem": "Prove it.", "solution": "Clear."},
        {"problem": "Why?"},
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    documents, rejections = ingest("mathematics", path)
    assert [row["text"] for row in documents] == [
        "2+2?\n\nTwo and two are 4.",
        "二加二？\n\n二加二等于四。\n\n答案：4",
        "Prove it.\n\nClear.",
    ]
    assert [json.loads(row["messages"]).get("label") for row in documents] == ["4", "4", None]
    assert [row["rule"] for row in rejections] == ["mathematics.column"]


STATEMENT = "import Mathlib\n\ntheorem one : 1 = 1 := by sorry"
PROOF = "import Mathlib\n\ntheorem one : 1 = 1 := by\n  rfl"
BLOCK = f"```lean\n{PROOF}\n```"
OPEN = f"```lean\n{STATEMENT}\n```"


@pytest.mark.parametrize(
    ("row", "text", "said"),
    [
        ({"answer": "proof", "formal_statement": STATEMENT, "formal_proof": PROOF}, BLOCK, BLOCK),
        ({"answer": "proof", "formal_statement": STATEMENT, "formal_proof": "  rfl\n"}, BLOCK, BLOCK),
        ({"solution": "Clear.", "formal_proof": PROOF}, f"Clear.\n\n{BLOCK}", f"Clear.\n\n{BLOCK}"),
        ({"solution": "Clear.", "answer": "notfound"}, "Clear.", "Clear."),
        ({"solution": "Clear.", "formal_statement": STATEMENT}, f"Clear.\n\n{OPEN}", "Clear."),
        ({"answer": "proof", "formal_statement": STATEMENT}, OPEN, None),
        ({"formal_statement": STATEMENT, "formal_ground_truth": STATEMENT}, OPEN, None),
    ],
)
def test_formal_proofs_stand_below_what_is_said_in_words(
    tmp_path: Path, ingest: Any, row: dict[str, str], text: str, said: str | None
) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({"problem": "Prove 1=1", "url": "https://mill.org/1", **row}))
    [document], rejections = ingest("mathematics", path)
    assert rejections == []
    assert (document["url"], document["text"]) == ("https://mill.org/1", f"Prove 1=1\n\n{text}")
    assert document["metadata"] == ('{"proof":"lean"}' if BLOCK in text else None)
    if said is None:
        assert document["messages"] is None
    else:
        talk = json.loads(document["messages"])
        assert (talk["messages"][1]["content"], talk.get("label")) == (said, None)


@pytest.mark.parametrize(
    ("solution", "label"),
    [
        ("So $x = \\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("First \\boxed{1}, then \\boxed {\\{2, 3\\}}.", "\\{2, 3\\}"),
        ("It never ends: \\boxed{1", None),
        ("Nothing: \\boxed{}", None),
    ],
)
def test_boxed_answer_is_the_label(tmp_path: Path, ingest: Any, solution: str, label: str | None) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({"problem": "What is x?", "solution": solution}))
    [document], _ = ingest("mathematics", path)
    assert document["text"] == f"What is x?\n\n{solution}"
    assert json.loads(document["messages"]).get("label") == label


def test_gold_problems_all_have_their_answer(corpora: Path, ingest: Any, gold: Any) -> None:
    documents, rejections = ingest(
        "mathematics",
        corpora / "bench" / "gsm8k_train.jsonl.zst",
        columns={"problem": "item.question", "answer": "item.answer"},
    )
    assert (len(documents), rejections) == (4000, [])
    for row, record in zip(documents, gold("bench/gsm8k_train"), strict=True):
        assert json.loads(row["messages"])["label"] == record["text"].rpartition("#### ")[2].strip()
        assert "<<" not in row["text"]


@pytest.mark.parametrize("name", ["hott_book_tex", "openlogic_tex", "latexml_tex_xml"])
def test_gold_papers_are_all_read_or_counted(corpora: Path, ingest: Any, gold: Any, name: str) -> None:
    documents, rejections = ingest("mathematics", corpora / "math" / f"{name}.jsonl.zst")
    rows = list(gold(f"math/{name}"))
    assert len(documents) + len(rejections) == len(rows)
    assert len(documents) > 0.95 * len(rows)
    text = "".join(row["text"] for row in documents)
    if name != "latexml_tex_xml":  # that one is a test suite of everything that is rare
        assert text.count("\\section") + text.count("\\label") < 20


EXAMPLES = "    Examples\n    ========\n\n    >>> turn()\n"


def test_pages_and_docstrings_with_formulas_are_kept(sdist: Any, ingest: Any) -> None:
    formula = f"Let :math:`x^2` be. {LONG}"
    path = sdist(
        {
            "docs/with.rst": f"With\n====\n\n{formula}\n",
            "docs/without.rst": f"Without\n=======\n\n{LONG}\n",
            "mill/stones.py": f'def turn():\n    r"""{formula}\n\n{EXAMPLES}    """\n',
            "mill/wheel.py": f'def turn():\n    """{LONG}"""\n',
        }
    )
    documents, rejections = ingest("mathematics", path, docstrings=True, formulas=1)
    assert [(row["title"], row["license"]) for row in documents] == [("With", "MIT"), ("`mill.stones`", "MIT")]
    assert "$x^2$" in documents[1]["text"] and "**Examples**" in documents[1]["text"]
    none = ("formulas", "0")
    assert left_out(rejections) == {"mill-1.2/docs/without.rst": none, "mill-1.2/mill/wheel.py": none}


def test_formal_proofs_stay_as_they_are(tmp_path: Path, ingest: Any, gold: Any) -> None:
    for row in gold("math/metamath_cc0"):
        if row["path"].endswith(".mm"):
            (tmp_path / row["path"].replace("/", "_")).write_text(row["text"], encoding="utf-8")
    proof = "theorem one_add (n : Nat) : 1 + n = n + 1 := by\n  rw [Nat.add_comm]\n\n" * 4
    (tmp_path / "Mill.lean").write_text(proof)
    documents, _ = ingest("mathematics", tmp_path)
    kinds = [json.loads(row["metadata"])["proof"] for row in documents]
    assert kinds.count("lean") == 1
    assert kinds.count("metamath") >= 5
    assert next(row["text"] for row in documents if row["metadata"] == '{"proof":"lean"}') == proof


def test_listings_and_figures_are_no_inputs_and_subfiles_no_documents(tmp_path: Path, ingest: Any) -> None:
    listing = "\\begin{verbatim}\n% a shell\n\\documentclass{a}\n\\input{part}\n\\end{verbatim}\n"
    files = {
        "paper/main.tex": rf"\documentclass{{book}}\begin{{document}}\input{{part}}\subfile{{sub}}{LONG}\end{{document}}",
        "paper/part.tex": rf"\section{{Part}}\includegraphics[width=\textwidth]{{mill.pdf}}{listing}{LONG}",
        "paper/sub.tex": rf"\documentclass[main]{{subfiles}}\begin{{document}}\section{{Sub}}{LONG}\end{{document}}",
        "paper/mill.tex": LONG,
    }
    path = tar(tmp_path / "paper.tar.gz", {name: text.encode() for name, text in files.items()})
    documents, rejections = ingest("mathematics", path)
    joined = ("joined", "stands in paper/main.tex")
    assert left_out(rejections) == {"paper/part.tex": joined, "paper/sub.tex": joined}
    texts = {row["locator"].rpartition("!")[2]: row["text"] for row in documents}
    assert sorted(texts) == ["paper/main.tex", "paper/mill.tex"]
    main = texts["paper/main.tex"]
    assert "```\n% a shell\n\\documentclass{a}\n\\input{part}\n```" in main
    assert main.index("## Part") < main.index("## Sub")
    assert "mill.pdf" not in main


def test_listings_declared_in_a_style_are_no_comments_in_a_chapter(tmp_path: Path, ingest: Any) -> None:
    files = {
        "book.tex": r"\documentclass{book}\usepackage{style}\begin{document}\input{one}\end{document}",
        "style.sty": r"\lstnewenvironment{python}{\lstset{language=Python}}{}",
        "one.tex": f"\\chapter{{One}}\n{LONG}\n\\begin{{python}}\nx = 5 % 3  # \\input{{two}}\n\\end{{python}}\n",
        "two.tex": LONG,
    }
    path = tar(tmp_path / "book.tar.gz", {name: text.encode() for name, text in files.items()})
    documents, _ = ingest("mathematics", path)
    assert [row["locator"].rpartition("!")[2] for row in documents] == ["book.tex", "two.tex"]
    assert "```python\nx = 5 % 3  # \\input{two}\n```" in documents[0]["text"]


CHINESE = "磨坊用水磨面粉，面包师进城买面粉，河水很低。" * 12
TAIWANESE = "磨坊用水磨麵粉，麵包師進城買麵粉，河水很低。" * 12
RUSSIAN = "Мельница мелет муку водой, и пекарь едет в город за мукой. " * 6
POLISH = "Młyn miele mąkę wodą, a piekarz jeździ po mąkę do miasta, gdy rzeka jest niska. " * 5
FRENCH = "Le moulin moud la farine, l'été la rivière est basse et le boulanger va à la ville. " * 5
JAPANESE = "水車小屋は水で粉をひき、パン屋は町へ小麦粉を買いに行きます。" * 8
DECLARED = [
    (r"\documentclass[GBK]{ctexart}\begin{document}%s\end{document}", "gbk", CHINESE),
    (
        r"\documentclass{article}\usepackage{CJK}\begin{document}\begin{CJK*}{GBK}{song}%s\end{CJK*}\end{document}",
        "gbk",
        CHINESE,
    ),
    (
        r"\documentclass{article}\usepackage{CJK}\begin{document}\begin{CJK}{Bg5}{bsmi}%s\end{CJK}\end{document}",
        "big5",
        TAIWANESE,
    ),
    ("% !TEX encoding = Shift_JIS\n\\documentclass{jarticle}\\begin{document}%s\\end{document}", "shift_jis", JAPANESE),
    (r"\documentclass{article}\usepackage[cp1251]{inputenc}\begin{document}%s\end{document}", "cp1251", RUSSIAN),
    (r"\documentclass{article}\usepackage[koi8-r]{inputenc}\begin{document}%s\end{document}", "koi8-r", RUSSIAN),
    (r"\documentclass{article}\usepackage[latin2]{inputenc}\begin{document}%s\end{document}", "iso8859-2", POLISH),
    (r"\documentclass{article}\usepackage[ansinew]{inputenc}\begin{document}%s\end{document}", "cp1252", FRENCH),
    (r"\documentclass{article}\begin{document}%s\end{document}", "koi8-r", RUSSIAN),
    (r"\documentclass{article}\begin{document}%s\end{document}", "gbk", CHINESE),
]


@pytest.mark.parametrize(("source", "charset", "said"), DECLARED)
def test_latex_is_read_in_the_charset_that_it_names_or_its_bytes_tell(
    source: str, charset: str, said: str, tmp_path: Path, ingest: Any
) -> None:
    (tmp_path / "paper.tex").write_bytes(source.replace("%s", said).encode(charset))
    documents, rejections = ingest("mathematics", tmp_path / "paper.tex")
    assert [row["text"].strip() for row in documents] == [said.strip()]
    assert not rejections


def test_a_chapter_has_the_charset_that_its_archive_names(tmp_path: Path, ingest: Any) -> None:
    main = rb"\documentclass{book}\usepackage[latin2]{inputenc}\begin{document}\input{one}\end{document}"
    path = tar(tmp_path / "book.tar", {"main.tex": main, "one.tex": f"{LONG} ľ ą".encode("iso8859-2")})
    documents, _ = ingest("mathematics", path)
    assert documents[0]["text"].strip().endswith("ľ ą")


def test_latex_of_no_charset_that_can_be_told_is_a_rejection_and_an_option_reads_it(
    tmp_path: Path, ingest: Any
) -> None:
    (tmp_path / "paper.tex").write_bytes(LONG.encode() + "水车".encode("gbk"))
    documents, rejections = ingest("mathematics", tmp_path / "paper.tex")
    assert not documents
    assert [row["rule"] for row in rejections] == ["mathematics.encoding"]
    assert "option `charset`" in rejections[0]["value"]
    documents, _ = ingest("mathematics", tmp_path / "paper.tex", charset="gbk")
    assert documents[0]["text"].strip().endswith("水车")


def test_lines_that_end_in_carriage_returns_alone_are_lines(tmp_path: Path, ingest: Any) -> None:
    lines = [r"\documentclass{article}", r"\begin{document}", "One % a comment", f"two. {LONG}", r"\end{document}", ""]
    (tmp_path / "old.tex").write_bytes("\r".join(lines).encode())
    documents, rejections = ingest("mathematics", tmp_path / "old.tex")
    assert [row["text"].split()[:2] for row in documents] == [["One", "two."]]
    assert rejections == []


def test_names_are_taken_in_any_case(tmp_path: Path, ingest: Any) -> None:
    paper = "\\documentclass{article}\n\\begin{document}\n%s\n\\end{document}\n"
    for number, name in enumerate(["a.TeX", "b.TEX", "c.tex", "d.LaTeX"]):
        (tmp_path / name).write_text(paper % (f"The mill number {number} stood still for weeks. " * 9))
    documents, rejections = ingest("mathematics", tmp_path)
    assert len(documents) == 4 and rejections == []
