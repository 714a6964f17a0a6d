"""Imports of every language, on repositories worked out by hand: the edges that must be found, and no more."""

from __future__ import annotations

import pytest

from winnow.filters.linguist import language_of
from winnow.formats.languages import imports
from winnow.formats.languages.imports.graph import build

Files = dict[str, str]
Edges = set[tuple[str, str]]


def edges_of(files: Files) -> Edges:
    facts = [imports.read(text.encode(), path, language_of(path, text)) for path, text in files.items()]
    graph = build(facts)
    return {(graph.paths[dependent], graph.paths[dependency]) for dependent, dependency in graph.edges.tolist()}


PYTHON: Files = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "src/shop/__init__.py": "from .cart import Cart\n",
    "src/shop/cart.py": "from . import prices\nfrom .prices import tax as t\nimport json\n",
    "src/shop/prices.py": '"""import shop.cart"""\n# from shop import cart\ntax = 1\n',
    "src/shop/web/__init__.py": "",
    "src/shop/web/views.py": "from ..cart import *\nfrom shop.web import json\nimport shop.web.urls as urls\n",
    "src/shop/web/urls.py": "def late():\n    import shop.prices\n    from shop import cart, missing\n",
    "src/shop/web/json.py": "import json\n",
    "tests/test_cart.py": "import shop\nfrom shop.cart import Cart\nimport helper\n",
    "tests/helper.py": "import logging, prices\n",
    "tools/logging.py": "x = 1\n",
}
PYTHON_EDGES: Edges = {
    ("src/shop/__init__.py", "src/shop/cart.py"),
    ("src/shop/cart.py", "src/shop/prices.py"),
    ("src/shop/web/views.py", "src/shop/cart.py"),
    ("src/shop/web/views.py", "src/shop/web/json.py"),
    ("src/shop/web/views.py", "src/shop/web/urls.py"),
    ("src/shop/web/urls.py", "src/shop/prices.py"),
    ("src/shop/web/urls.py", "src/shop/cart.py"),
    ("src/shop/web/urls.py", "src/shop/__init__.py"),  # `missing` can only be a name of the package itself
    ("tests/test_cart.py", "src/shop/__init__.py"),
    ("tests/test_cart.py", "src/shop/cart.py"),
    ("tests/test_cart.py", "tests/helper.py"),
}

JAVASCRIPT: Files = {
    "package.json": '{"name": "root", "workspaces": ["packages/*"], "imports": {"#deep/*": "./src/deep/*.js"}}',
    "tsconfig.json": '{ // aliases\n "compilerOptions": {"baseUrl": ".", "paths": {"@app/*": ["src/*"],},}, }',
    "src/index.ts": "import { a } from './a.js';\nexport * from './folder';\nimport type { T } from '@app/types';\nimport 'react';\n",
    "src/a.ts": "const b = require('./b');\nconst later = () => import('./folder/later.mjs');\n// import './never'\n",
    "src/b.js": "module.exports = \"import './a'\"; require(`./${name}`);\n",
    "src/never.ts": "export {};\n",
    "src/types.d.ts": "export type T = 1;\n",
    "src/folder/index.tsx": "import c = require('../c');\nexport const C = <div>{c}</div>;\nimport x from '#deep/x';\n",
    "src/folder/later.mjs": "import '../../packages/ui/package.json';\n",
    "src/c.cts": "/// <reference path='./types.d.ts' />\nimport { Button } from '@root/ui';\nimport '@root/ui/extra';\n",
    "src/deep/x.js": "export default 1;\n",
    "packages/ui/package.json": '{"name": "@root/ui", "main": "dist/index.js", "exports": {".": "./dist/index.js", "./*": "./src/*.ts"}}',
    "packages/ui/src/index.ts": "export * from '.';\n",
    "packages/ui/src/extra.ts": "",
    "packages/ui/widget.vue": "<template/>\n<script setup lang='ts'>\nimport { x } from './src/extra'\n</script>\n",
}
JAVASCRIPT_EDGES: Edges = {
    ("src/index.ts", "src/a.ts"),
    ("src/index.ts", "src/folder/index.tsx"),
    ("src/index.ts", "src/types.d.ts"),
    ("src/a.ts", "src/b.js"),
    ("src/a.ts", "src/folder/later.mjs"),
    ("src/folder/index.tsx", "src/c.cts"),
    ("src/folder/index.tsx", "src/deep/x.js"),
    ("src/folder/later.mjs", "packages/ui/package.json"),
    ("src/c.cts", "src/types.d.ts"),
    ("src/c.cts", "packages/ui/src/index.ts"),
    ("src/c.cts", "packages/ui/src/extra.ts"),
    ("packages/ui/widget.vue", "packages/ui/src/extra.ts"),
}

GO: Files = {
    "go.mod": "module example.com/shop // comment\n\ngo 1.21\n",
    "main.go": 'package main\n\nimport (\n\t"fmt"\n\tc "example.com/shop/cart"\n\t_ "example.com/shop/tools/v2"\n)\n',
    "cart/cart.go": 'package cart\n\nimport "example.com/shop/internal/prices"\n\nvar s = "import \\"example.com/shop\\""\n',
    "cart/other.go": "package cart\n",
    "cart/cart_test.go": "package cart\n",
    "cart/outside_test.go": 'package cart_test\n\nimport . "example.com/shop/cart"\n',
    "internal/prices/prices.go": "package prices\n",
    "tools/go.mod": "module example.com/shop/tools/v2\n",
    "tools/tool.go": "package tools\n",
}
GO_EDGES: Edges = {
    ("main.go", "cart/cart.go"),
    ("main.go", "cart/other.go"),
    ("main.go", "tools/tool.go"),
    ("cart/cart.go", "internal/prices/prices.go"),
    ("cart/cart_test.go", "cart/cart.go"),
    ("cart/outside_test.go", "cart/cart.go"),
    ("cart/outside_test.go", "cart/other.go"),
}

RUST: Files = {
    "Cargo.toml": '[workspace]\nmembers = ["shop", "prices-db"]\n',
    "shop/Cargo.toml": '[package]\nname = "shop"\nedition = "2021"\n[dependencies]\ndb = { package = "prices-db", path = "../prices-db" }\n',
    "shop/src/lib.rs": 'mod cart;\npub mod web;\n#[path = "odd/place.rs"]\nmod placed;\ncfg_if! { mod hidden; }\n// mod never;\nuse crate::cart::Cart;\n',
    "shop/src/cart.rs": "use super::web::views::{self, View as V};\nuse db::table;\nmod parts;\nmod inline { use super::parts::Part; }\n",
    "shop/src/cart/parts.rs": "pub struct Part;\n",
    "shop/src/web/mod.rs": "pub mod views;\n",
    "shop/src/web/views.rs": 'fn f() { crate::placed::g(); let s = "crate::hidden::x"; }\n',
    "shop/src/odd/place.rs": 'include!("text.rs");\n',
    "shop/src/odd/text.rs": "",
    "shop/src/hidden.rs": "pub use crate::Thing;\n",
    "shop/src/never.rs": "",
    "shop/tests/it.rs": "mod common;\nuse shop::web::{views::*, Other};\n",
    "shop/tests/common/mod.rs": "",
    "prices-db/Cargo.toml": '[package]\nname = "prices-db"\n',
    "prices-db/src/lib.rs": "pub mod table;\n",
    "prices-db/src/table.rs": "",
}
RUST_EDGES: Edges = {
    ("shop/src/lib.rs", "shop/src/cart.rs"),
    ("shop/src/lib.rs", "shop/src/web/mod.rs"),
    ("shop/src/lib.rs", "shop/src/odd/place.rs"),
    ("shop/src/lib.rs", "shop/src/hidden.rs"),
    ("shop/src/cart.rs", "shop/src/web/views.rs"),
    ("shop/src/cart.rs", "prices-db/src/table.rs"),
    ("shop/src/cart.rs", "shop/src/cart/parts.rs"),
    ("shop/src/web/mod.rs", "shop/src/web/views.rs"),
    ("shop/src/web/views.rs", "shop/src/odd/place.rs"),
    ("shop/src/odd/place.rs", "shop/src/odd/text.rs"),
    ("shop/src/hidden.rs", "shop/src/lib.rs"),
    ("shop/tests/it.rs", "shop/tests/common/mod.rs"),
    ("shop/tests/it.rs", "shop/src/web/views.rs"),
    ("shop/tests/it.rs", "shop/src/web/mod.rs"),
    ("prices-db/src/lib.rs", "prices-db/src/table.rs"),
}

JVM: Files = {
    "a/src/org/shop/Cart.java": "package org.shop;\nimport org.shop.db.Table;\nimport org.shop.util.*;\n"
    '/** {@link Never} */ class Cart extends Base { Strings s; String n = "Never"; org.shop.kt.Money m; }\n',
    "a/src/org/shop/Base.java": "package org.shop;\nimport static org.shop.db.Table.open;\nclass Base {}\n",
    "a/src/org/shop/Never.java": "package org.shop;\nclass Never {}\n",
    "a/src/org/shop/Table.java": "package org.shop;\nclass Table {}\n",
    "a/src/org/shop/db/Table.java": "package org.shop.db;\npublic class Table { Row r; }\nclass Row {}\n",
    "a/src/org/shop/util/Strings.java": "package org.shop.util;\npublic interface Strings {}\n",
    "k/org/shop/kt/Money.kt": "package org.shop.kt\nimport org.shop.Base\nimport org.shop.kt.rounded as r\ndata class Money(val c: Int) : Base()\n",
    "k/org/shop/kt/Round.kt": "package org.shop.kt\nfun Money.rounded() = this\n",
    "b/src/org/shop/Base.java": "package org.shop;\nclass Base {}\n",
    "b/src/org/shop/Use.java": "package org.shop;\nclass Use { Base b; }\n",
}
JVM_EDGES: Edges = {
    ("a/src/org/shop/Cart.java", "a/src/org/shop/db/Table.java"),
    ("a/src/org/shop/Cart.java", "a/src/org/shop/util/Strings.java"),
    ("a/src/org/shop/Cart.java", "a/src/org/shop/Base.java"),
    ("a/src/org/shop/Cart.java", "k/org/shop/kt/Money.kt"),
    ("a/src/org/shop/Base.java", "a/src/org/shop/db/Table.java"),
    ("k/org/shop/kt/Money.kt", "a/src/org/shop/Base.java"),  # neither project is nearer: the first by path
    ("k/org/shop/kt/Money.kt", "k/org/shop/kt/Round.kt"),
    ("k/org/shop/kt/Round.kt", "k/org/shop/kt/Money.kt"),
    ("b/src/org/shop/Use.java", "b/src/org/shop/Base.java"),
}

C: Files = {
    "src/main.c": '#include "shop.h"\n#include <stdio.h>\n  #  include "../lib/util.h"\n/* #include "never.h" */\n#include <shop/api.h>\n',
    "src/shop.h": "#pragma once\n",
    "lib/shop.h": "",
    "lib/util.h": '#ifdef X\n#include "shop.h"\n#endif\n#include "string.h"\n',
    "lib/util.cc": '#include "lib/util.h"\nconst char *s = "\\\n#include \\"never.h\\"\\\n";\n',
    "include/shop/api.h": "",
    "compat/stdio.h": "",
    "never.h": "",
}
C_EDGES: Edges = {
    ("src/main.c", "src/shop.h"),
    ("src/main.c", "lib/util.h"),
    ("src/main.c", "include/shop/api.h"),
    ("lib/util.h", "lib/shop.h"),
    ("lib/util.cc", "lib/util.h"),
}

CSHARP: Files = {
    "Shop/Cart.cs": "using Shop.Db;\nusing T = Shop.Util.Text;\nnamespace Shop { public class Cart : Base { Table t; /* Never */ } }\n",
    "Shop/Base.cs": "namespace Shop;\npublic record Base;\n",
    "Shop/Never.cs": "namespace Shop;\nclass Never {}\n",
    "Shop/Globals.cs": "global using Shop.Things;\n",
    "Db/Table.cs": 'namespace Shop.Db { struct Table { Base b; Thing x; string s = "Never"; } }\n',
    "Util/Text.cs": "namespace Shop.Util { static class Text {} }\n",
    "Things/Thing.cs": "namespace Shop.Things { interface Thing {} }\n",
}
CSHARP_EDGES: Edges = {
    ("Shop/Cart.cs", "Shop/Base.cs"),
    ("Shop/Cart.cs", "Db/Table.cs"),
    ("Shop/Cart.cs", "Util/Text.cs"),
    ("Db/Table.cs", "Shop/Base.cs"),
    ("Db/Table.cs", "Things/Thing.cs"),
}

RUBY: Files = {
    "lib/shop.rb": "require 'shop/cart'\nrequire_relative 'shop/prices'\nrequire 'json'\n",
    "lib/shop/cart.rb": "# require 'shop/never'\nautoload :Never, 'shop/never'\nputs \"require 'shop'\"\n",
    "lib/shop/prices.rb": "load 'shop/cart.rb'\nx.require('shop')\n",
    "lib/shop/never.rb": "",
    "spec/spec_helper.rb": 'require "shop"\n',
    "spec/cart_spec.rb": "require 'spec_helper'\nrequire File.join(dir, 'shop')\n",
    "app/models/cart_item.rb": "class CartItem < ApplicationRecord; has_one Shop::Price; end\n",
    "app/models/application_record.rb": "class ApplicationRecord; end\n",
    "app/models/shop/price.rb": "module Shop; class Price; end; end\n",
}
RUBY_EDGES: Edges = {
    ("lib/shop.rb", "lib/shop/cart.rb"),
    ("lib/shop.rb", "lib/shop/prices.rb"),
    ("lib/shop/cart.rb", "lib/shop/never.rb"),
    ("lib/shop/prices.rb", "lib/shop/cart.rb"),
    ("lib/shop/prices.rb", "lib/shop.rb"),
    ("spec/spec_helper.rb", "lib/shop.rb"),
    ("spec/cart_spec.rb", "spec/spec_helper.rb"),
    ("app/models/cart_item.rb", "app/models/application_record.rb"),
    ("app/models/cart_item.rb", "app/models/shop/price.rb"),
}

PHP: Files = {
    "src/Cart.php": "<?php\nnamespace Shop;\nuse Shop\\Db\\{Table, Row as R};\nuse function Shop\\Util\\round;\n"
    "class Cart extends Base { function f(Table $t) { return new \\Shop\\Other(); } } // Never\n",
    "src/Base.php": "<?php\nnamespace Shop;\nabstract class Base { const X = Db\\Row::Y; }\n",
    "src/Never.php": "<?php\nnamespace Shop;\nclass Never {}\n",
    "src/Other.php": "<?php\nnamespace Shop;\nrequire_once __DIR__ . '/../util.php';\ninclude 'missing.php';\nclass Other { var $s = 'Never'; }\n",
    "src/Db/Table.php": "<?php\nnamespace Shop\\Db;\ninterface Table {}\n",
    "src/Db/Row.php": "<?php\nnamespace Shop\\Db;\nenum Row { case Y; }\n",
    "util.php": "<?php\nnamespace Shop\\Util;\nfunction round() {}\n",
}
PHP_EDGES: Edges = {
    ("src/Cart.php", "src/Db/Table.php"),
    ("src/Cart.php", "src/Db/Row.php"),
    ("src/Cart.php", "util.php"),
    ("src/Cart.php", "src/Base.php"),
    ("src/Cart.php", "src/Other.php"),
    ("src/Base.php", "src/Db/Row.php"),
    ("src/Other.php", "util.php"),
}

CASES = {
    "python": (PYTHON, PYTHON_EDGES),
    "javascript": (JAVASCRIPT, JAVASCRIPT_EDGES),
    "go": (GO, GO_EDGES),
    "rust": (RUST, RUST_EDGES),
    "jvm": (JVM, JVM_EDGES),
    "c": (C, C_EDGES),
    "csharp": (CSHARP, CSHARP_EDGES),
    "ruby": (RUBY, RUBY_EDGES),
    "php": (PHP, PHP_EDGES),
}


@pytest.mark.parametrize("family", CASES)
def test_edges_are_those_worked_out_by_hand(family: str) -> None:
    files, expected = CASES[family]
    assert edges_of(files) == expected


@pytest.mark.parametrize("family", CASES)
def test_the_order_of_the_files_does_not_matter(family: str) -> None:
    files, expected = CASES[family]
    assert edges_of(dict(reversed(files.items()))) == expected


def test_languages_that_nobody_reads_have_no_edges() -> None:
    assert edges_of({"a.hs": "import B\n", "B.hs": "module B where\n", "c.txt": "import a"}) == set()


def test_python_packages_whose_empty_init_was_left_out_are_known_by_what_ingest_tells() -> None:
    from dataclasses import replace

    files = {"lib/deep/shop/cart.py": "x = 1\n", "use.py": "import shop.cart\n"}
    facts = [imports.read(text.encode(), path, "Python") for path, text in files.items()]
    assert len(build(facts).edges) == 0
    told = [replace(fact, package="shop") if "deep" in fact.path else fact for fact in facts]
    assert len(build(told).edges) == 1


@pytest.mark.parametrize(
    "language", ["Python", "JavaScript", "TypeScript", "Go", "Rust", "Java", "Kotlin", "C", "C++", "C#", "Ruby", "PHP"]
)
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00import", b"import ", b"((((" * 5000, b"'" * 3001, b"use a::{b::{" * 400]
)
def test_no_source_however_broken_stops_the_reading(language: str, content: bytes) -> None:
    facts = imports.read(content, "a.x", language)
    assert facts.path == "a.x"
    assert len(build([facts]).edges) == 0
