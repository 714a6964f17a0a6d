"""Programming languages by the name of a file and by its first line, under the names that GitHub Linguist gives them.

The published filters for code (StarCoder2, RefineCode) name languages as Linguist does, so a document's `language`
does too. A name decides first (`Makefile`), then the extension, then the interpreter after `#!`; `.h` is C unless the
head of the file says C++.
"""

from __future__ import annotations

import re

HEAD_CHARACTERS = 4096

_EXTENSIONS: dict[str, str] = {
    "Ada": "adb ads",
    "Agda": "agda",
    "Assembly": "asm s",
    "Astro": "astro",
    "Batchfile": "bat cmd",
    "C": "c h",
    "C#": "cs csx",
    "C++": "cc cpp cxx c++ hh hpp hxx h++ inl ipp tpp txx ixx cppm",
    "CMake": "cmake",
    "COBOL": "cbl cob cpy",
    "CSS": "css",
    "CSV": "csv",
    "Clojure": "clj cljs cljc edn",
    "CoffeeScript": "coffee",
    "Common Lisp": "lisp lsp cl",
    "Coq": "coq",
    "Crystal": "cr",
    "Cuda": "cu cuh",
    "Cython": "pyx pxd pxi",
    "D": "d di",
    "DOT": "dot gv",
    "Dart": "dart",
    "Diff": "diff patch",
    "Dockerfile": "dockerfile",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Emacs Lisp": "el",
    "Erlang": "erl hrl",
    "F#": "fs fsi fsx",
    "Fortran": "f f77 f90 f95 f03 f08 for",
    "GLSL": "glsl vert frag geom comp",
    "Go": "go",
    "Go Module": "mod",
    "Gradle": "gradle",
    "GraphQL": "graphql gql",
    "Groovy": "groovy gvy",
    "HCL": "hcl tf tfvars",
    "HTML": "html htm xhtml",
    "Haskell": "hs lhs",
    "INI": "ini cfg conf properties editorconfig",
    "Idris": "idr",
    "JSON": "json jsonc json5 geojson webmanifest",
    "JSON Lines": "jsonl ndjson",
    "Java": "java",
    "JavaScript": "js mjs cjs jsx es6",
    "Jinja": "jinja j2 jinja2",
    "Julia": "jl",
    "Jupyter Notebook": "ipynb",
    "Kotlin": "kt kts",
    "Lean": "lean",
    "Less": "less",
    "Lua": "lua",
    "MATLAB": "m",
    "Makefile": "mk mak",
    "Markdown": "md markdown mdx mkd",
    "Meson": "meson",
    "Nim": "nim nims",
    "Nix": "nix",
    "OCaml": "ml mli",
    "OWL": "owl",
    "Objective-C++": "mm",
    "Pascal": "pas pp dpr",
    "Perl": "pl pm t",
    "PHP": "php phtml php5 php7",
    "PowerShell": "ps1 psm1 psd1",
    "Prolog": "pro prolog",
    "Protocol Buffer": "proto",
    "PureScript": "purs",
    "Python": "py pyi pyw",
    "R": "r",
    "RDoc": "rdoc",
    "Racket": "rkt",
    "Raku": "raku rakumod",
    "Roff": "roff man 1 2 3 4 5 6 7 8 9",
    "Ruby": "rb rake gemspec ru podspec",
    "Rust": "rs",
    "SCSS": "scss",
    "SMT": "smt smt2",
    "SQL": "sql",
    "SVG": "svg",
    "Sass": "sass",
    "Scala": "scala sc sbt",
    "Scheme": "scm ss",
    "Shell": "sh bash zsh ksh bats",
    "Solidity": "sol",
    "Standard ML": "sml sig fun",
    "Starlark": "bzl star bazel",
    "Stylus": "styl",
    "Svelte": "svelte",
    "Swift": "swift",
    "SystemVerilog": "sv svh",
    "TOML": "toml",
    "TSV": "tsv",
    "Tcl": "tcl",
    "TeX": "tex sty bib cls ltx",
    "Text": "txt text",
    "Thrift": "thrift",
    "TypeScript": "ts tsx mts cts",
    "VHDL": "vhd vhdl",
    "Verilog": "v vh",
    "Vim Script": "vim",
    "Visual Basic .NET": "vb",
    "Vue": "vue",
    "WebAssembly": "wat wast",
    "XML": "xml xsd xsl xslt csproj vbproj props targets plist resx xaml wsdl pom",
    "YAML": "yml yaml",
    "Zig": "zig",
    "reStructuredText": "rst rest",
}

_NAMES: dict[str, str] = {
    "Batchfile": "gradlew.bat mvnw.cmd",
    "CMake": "cmakelists.txt",
    "Dockerfile": "dockerfile containerfile",
    "Go Checksums": "go.sum",
    "Go Module": "go.mod go.work",
    "Groovy": "jenkinsfile",
    "Ignore List": ".gitignore .dockerignore .npmignore .prettierignore .eslintignore",
    "INI": ".gitconfig .gitattributes .gitmodules .flake8 .pylintrc .coveragerc .npmrc",
    "JSON": ".babelrc .eslintrc .jshintrc .prettierrc composer.lock flake.lock pipfile.lock",
    "Makefile": "makefile gnumakefile kbuild makefile.am makefile.in",
    "Meson": "meson.build meson_options.txt",
    "Ruby": "gemfile rakefile vagrantfile podfile guardfile brewfile capfile fastfile",
    "Shell": "gradlew mvnw .bashrc .profile .zshrc configure",
    "Starlark": "build workspace tiltfile buck",
    "TOML": "cargo.lock pipfile poetry.lock uv.lock",
    "Text": "readme license licence copying copyright authors changelog changes contributors notice todo install news "
    "version history maintainers codeowners pkg-info metadata",
    "XML": "app.config web.config packages.config",
    "YAML": ".clang-format .clang-tidy pnpm-lock.yaml",
}

_INTERPRETERS: dict[str, str] = {
    "JavaScript": "node deno bun",
    "Lua": "lua luajit",
    "PHP": "php",
    "Perl": "perl",
    "Python": "python python2 python3 pypy pypy3",
    "R": "rscript",
    "Ruby": "ruby jruby",
    "Shell": "sh bash zsh ksh dash ash",
    "Tcl": "tclsh wish",
}


def _inverted(table: dict[str, str]) -> dict[str, str]:
    return {word: language for language, words in table.items() for word in words.split()}


BY_EXTENSION = _inverted(_EXTENSIONS)
BY_NAME = _inverted(_NAMES)
BY_INTERPRETER = _inverted(_INTERPRETERS)

_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+|\w+=\S*\s+)*)?([\w.+-]+)")
_CPP = re.compile(
    r"^\s*(?:template\s*<|namespace\s+\w|using\s+(?:namespace\s|\w+\s*=)|class\s+\w[\w\s:<>,]*\{|public:|private:|protected:"
    r"|constexpr\s|#\s*include\s*<(?:string|vector|memory|map|utility|algorithm|functional|iostream|cstd\w+|type_traits)>)",
    re.MULTILINE,
)
_OBJECTIVE_C = re.compile(r"^\s*(?:@(?:interface|implementation|protocol|class|import)\b|#\s*import\s)", re.MULTILINE)


def language_of(path: str, head: str = "") -> str | None:
    """The Linguist name of the language of the file at `path`, or None; `head` is how it begins (4,096 characters)."""
    name = path.rsplit("/", 1)[-1]
    stem, dot, extension = name.lower().rpartition(".")
    if found := BY_NAME.get(name.lower()):
        return found
    if dot and stem and (found := BY_EXTENSION.get(extension)):
        return _by_head(found, extension, head[:HEAD_CHARACTERS])
    if stem in BY_NAME and extension in ("in", "old", "new", "local", "dev", "prod", "mit", "apache", "bsd"):
        return BY_NAME[stem]
    if shebang := _SHEBANG.match(head):
        interpreter = shebang[1].lower()
        return BY_INTERPRETER.get(interpreter) or BY_INTERPRETER.get(interpreter.rstrip("0123456789."))
    return None


def _by_head(language: str, extension: str, head: str) -> str:
    """The languages that share an extension, told apart by what only one of them writes."""
    if extension == "h":
        return "Objective-C" if _OBJECTIVE_C.search(head) else "C++" if _CPP.search(head) else "C"
    if extension == "m":
        return "Objective-C" if _OBJECTIVE_C.search(head) or "#include" in head else language
    if extension == "mod":
        return (
            language if re.search(r"^module\s", head, re.MULTILINE) else "XML" if head.lstrip()[:1] == "<" else "Text"
        )
    if extension == "ts" and head.lstrip().startswith("<?xml"):
        return "XML"  # Qt's translation files
    if extension == "v" and re.search(r"^\s*(?:Require|Theorem|Lemma|Definition)\s", head, re.MULTILINE):
        return "Coq"
    if extension in "123456789" and not re.search(r"^[.']\\?[\"A-Za-z]", head, re.MULTILINE):
        return "Text"
    return language
