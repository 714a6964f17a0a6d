"""Which files of a repository are read first and last: what introduces it, its sources, its tests."""

from __future__ import annotations

import re
from enum import IntEnum


class Rank(IntEnum):
    """Front matter before sources before tests, as far as dependencies allow."""

    FRONT = 0
    SOURCE = 1
    TEST = 2


_FRONT = re.compile(
    r"""(?xi) (?:^|/) (?:
      readme [^/]* | about [^/]*\.md | (?:licen[cs]e|copying|notice|copyright) (?:[-.] [^/]*)? (?<! \.py
      | \.js | \.ts | \.go | \.rs)
    | package\.json | tsconfig[^/]*\.json | jsconfig\.json
      | (?:vite|webpack|rollup|babel|jest|vitest)\.config\.[cm]?[jt]s
    | pyproject\.toml | setup\.(?:py|cfg) | requirements[^/]*\.txt | tox\.ini | pipfile | environment\.ya?ml
      | manifest\.in
    | go\.(?:mod|work) | cargo\.toml | build\.rs | pom\.xml | (?:build|settings)\.gradle(?:\.kts)? | gradle\.properties
    | makefile(?:\.[^/]*)? | gnumakefile | cmakelists\.txt | [^/]+\.cmake | meson\.build | configure\.ac | build\.sbt
    | (?:build|workspace|module)(?:\.bazel)? | gemfile | rakefile | [^/]+\.gemspec | composer\.json | mix\.exs
    | [^/]+\.(?:csproj|fsproj|vbproj|sln|props|targets|cabal|nimble|opam) | stack\.yaml | dockerfile
      | docker-compose\.ya?ml
    ) $"""
)
_TEST = re.compile(
    r"""(?x) (?:^|/) (?: tests? | __tests__ | specs? | testing | testdata | test-data | e2e | [\w.-]+\.Tests?
      | [\w-]+[-_]tests? ) /
    | (?:^|/) (?: test_[^/]*\.pyi? | [^/]+_test\.(?:py|go|cc|cpp|c|rb|exs|dart) | conftest\.py | tests?\.(?:py|rs)
      | [^/]+\.(?:test|spec|cy|e2e)\.[cm]?[jt]sx? | [^/]+_spec\.rb
      | [^/]*Tests?(?:Case)?\.(?:java|kt|cs|php|scala|swift)
      | Test[A-Z][^/]*\.(?:java|kt|cs|php) | [^/]+IT\.java ) $"""
)


def rank(path: str) -> Rank:
    """The rank of a file by its path alone; a README or manifest inside a test folder is a test's."""
    if _TEST.search(path):
        return Rank.TEST
    return Rank.FRONT if _FRONT.search(path) else Rank.SOURCE
