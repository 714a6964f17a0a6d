"""The history of a git repository as documents: one commit, what it changed and why, as an example of a cross-file
edit.

A document is the commit's message, the affected files as they were before, and the change as a unified diff, all read
through git itself. Merges, reverts, robots' commits and changes of white space alone are left out by named rules, and
so are changes of too few files for an edit across files, or too large for a sequence. With an archive of GitHub's
events (GH Archive, JSON lines), a commit follows the issues and the pull request it closes, in one context.
"""

from __future__ import annotations

import re

from winnow.filters.linguist import language_of
from winnow.formats.containers.commits import Change, Commit, Licenses, changes_of, commits
from winnow.formats.containers.events import Events, Thread
from winnow.formats.containers.git import REGULAR, Repository
from winnow.formats.containers.git_directory import GitError
from winnow.formats.containers.source_trees import repository_name
from winnow.formats.languages import vendored
from winnow.formats.splits import Split
from winnow.stages.ingest.repositories import text_of
from winnow.stages.ingest.source import Builder, SourceSettings

# 3: changed wordings of permissive licences are unknown
VERSION = 4  # 4: a declared charset is heard where UTF-8 is by chance
SPLIT_COMMITS = 500
CONTEXT_LINES = 3


class Settings(SourceSettings):
    """`revision`: where history is read from, backwards. `minimum_files` is 2 for the cross-file set.

    `events`: files of GH Archive (`.json`, `.json.gz`), as paths or patterns. Limits are in bytes of UTF-8.
    """

    revision: str = "HEAD"
    name: str | None = None
    minimum_files: int = 2
    maximum_files: int = 20
    file_bytes: int = 128 << 10
    total_bytes: int = 512 << 10
    message_characters: int = 20
    events: tuple[str, ...] = ()


ROBOT = re.compile(
    r"(?i)\[bot\]|(?:^|[\s<+._-])(?:bot|robot|dependabot|renovate|greenkeeper|pyup|snyk|codecov|github-actions|mergify|bors"
    r"|travis|jenkins|k8s-ci-robot|weblate|transifex|crowdin|pre-commit-ci|allcontributors|semantic-release)\b"
)
REVERT = re.compile(
    r"(?i)^(?:revert(?:ed|s)?\b|this reverts commit\b|back ?out\b)|\bthis reverts commit [0-9a-f]{7,}", re.MULTILINE
)
_ISSUE = re.compile(
    r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|see|refs?)\b:?\s+(?:[\w.-]+/[\w.-]+)?#(\d+)|\(#(\d+)\)|\bGH-(\d+)"
)


def splits(path: str, settings: Settings) -> list[Split]:
    """Runs of 500 commits. Raises `GitError` where the path is no repository or lacks the revision."""
    try:
        repository = Repository(path)
        commit = repository.commit_of(settings.revision)
    except GitError:
        if settings.revision != "HEAD":  # a user's slip; a repository that can't be read is told when it is read
            raise
        return [Split(path, 0, SPLIT_COMMITS)]
    count = _walked(repository, commit)[0] if commit else 0
    return [Split(path, first, min(first + SPLIT_COMMITS, count)) for first in range(0, count, SPLIT_COMMITS)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """Adds one document for each commit that is an edit across files; every other one is a rejection with its rule."""
    path = split.path
    try:
        repository = Repository(path)
        head = repository.commit_of(settings.revision)
    except GitError as error:
        builder.reject(locator=path, rule="repository", value=str(error))
        return
    if head is None:
        return
    name = repository_name(repository, settings.name)
    _, lost = _walked(repository, head)
    if split.start == 0:
        for outside in repository.outside:
            builder.reject(locator=f"{path}!objects/info/alternates", rule="outside", value=outside)
        for missing in lost:
            builder.reject(locator=f"{path}@{missing}", rule="missing", value=missing)

    def reject(place: str, rule: str, value: object) -> None:
        if split.start == 0:  # every split reads the same events: one of them tells what is wrong with them
            builder.reject(locator=place, rule=rule, value=value)

    events, licenses = Events.read(settings.events, name, reject), Licenses(repository, head)
    for commit in commits(repository, head, split.start, split.stop):
        locator = f"{path}@{commit.name}"
        licenses.pass_by(commit)
        rule, value = unwanted(commit, settings)
        if rule is not None:
            builder.reject(locator=locator, rule=rule, value=value)
            continue
        try:
            changes = [change for change in changes_of(repository, commit) if _counts(change)]
            rule, value = _unfit(repository, commit, changes, settings)
            before = _before(repository, changes, settings) if rule is None else {}
            diff = _diff(repository, commit, changes) if rule is None else ""
            license = licenses.of(commit, changes) if rule is None else None
        except GitError as error:
            rule, value = "damaged", str(error)
        except _Unfit as unfit:
            rule, value = unfit.args
        if rule is not None:
            builder.reject(locator=locator, rule=rule, value=value)
            continue
        if len(diff.encode("utf-8", "replace")) > settings.total_bytes:
            builder.reject(locator=locator, rule="size", value=len(diff), threshold=settings.total_bytes)
            continue
        threads = [thread for number in references(commit.message) if (thread := events.thread(number)) is not None]
        threads += [thread for thread in events.merged(commit.name) if thread not in threads]
        builder.add(
            text=render(name, commit, before, diff, threads),
            locator=locator,
            repository=name,
            title=commit.message.partition("\n")[0].strip(),
            date=commit.date,
            license=license,
            language=_language(changes),
            metadata={
                "commit": commit.name,
                "parents": list(commit.parents),
                "files": [change.after for change in changes],
                "threads": [thread.number for thread in threads],
            },
        )


def unwanted(commit: Commit, settings: Settings) -> tuple[str | None, object]:
    """The rule by which a commit is left out for what it says of itself, and what was found."""
    if len(commit.parents) != 1:
        return ("merge" if commit.parents else "root"), len(commit.parents)
    if ROBOT.search(f"{commit.author} <{commit.email}>"):
        return "robot", commit.author
    if REVERT.search(commit.message):
        return "revert", commit.message.partition("\n")[0]
    if len(commit.message) < settings.message_characters:
        return "message", commit.message
    return None, None


def _counts(change: Change) -> bool:
    """Whether a change is of a file that somebody wrote: neither lock, binary, vendored nor generated, nor a link."""
    return vendored.by_name(change.after) is None and all(mode in (*REGULAR, "000000") for mode in change.modes)


class _Unfit(Exception):
    """The rule by which a commit is left out for its files, and what was found."""


def _walked(repository: Repository, head: str) -> tuple[int, list[str]]:
    """How many commits `head` descends from, itself included, and those whose objects can't be had."""
    try:
        return int(repository.run("rev-list", "--count", head)), []
    except GitError:
        lost = repository.cut_history(head)
        return int(repository.run("rev-list", "--count", head)), lost


def _unfit(
    repository: Repository, commit: Commit, changes: list[Change], settings: Settings
) -> tuple[str | None, object]:
    if not settings.minimum_files <= len(changes) <= settings.maximum_files:
        return "files", len(changes)
    most = settings.file_bytes + settings.total_bytes  # a file that grows to more makes too large a diff in any case
    for size in repository.sizes([change.new for change in changes if change.status != "D"]):
        if not isinstance(size, int):
            return size.rule, size.value
        if size > most:
            return "size", size
    for size in repository.sizes([change.old for change in changes if change.status != "A"]):
        if not isinstance(size, int):
            return size.rule, size.value
        if size > settings.file_bytes:
            return "size", _limits(settings)
    for content in repository.contents([change.new for change in changes if change.status != "D"]):
        if not isinstance(content, bytes):
            return content.rule, content.value
    options = ("--quiet", "-w", "--ignore-blank-lines", "--no-ext-diff", "--no-textconv")
    paths = [f":(literal,top){name}" for change in changes for name in dict.fromkeys((change.before, change.after))]
    if not repository.differs("diff", *options, commit.parents[0], commit.name, "--", *paths):
        return "formatting", commit.message.partition("\n")[0]
    return None, None


def _limits(settings: Settings) -> str:
    return f"> {settings.file_bytes} or {settings.total_bytes} in all"


def _before(repository: Repository, changes: list[Change], settings: Settings) -> dict[str, str]:
    """The files as they were, by path. Raises `_Unfit` where one is no text or can't be had, or they are too many bytes."""
    existing = [change for change in changes if change.status != "A"]
    found, total = {}, 0
    for change, content in zip(existing, repository.contents([change.old for change in existing]), strict=True):
        if not isinstance(content, bytes):
            raise _Unfit(content.rule, content.value)
        total += len(content)
        if total > settings.total_bytes:
            raise _Unfit("size", _limits(settings))
        text = text_of(content)
        if text is None or vendored.is_binary(content[: vendored.HEAD_BYTES]):
            raise _Unfit("binary", change.before)
        found[change.before] = text
    return found


def _diff(repository: Repository, commit: Commit, changes: list[Change]) -> str:
    options = (
        "--find-renames",
        f"--unified={CONTEXT_LINES}",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--full-index",
    )
    paths = [f":(literal,top){name}" for change in changes for name in dict.fromkeys((change.before, change.after))]
    said = repository.run("diff", *options, commit.parents[0], commit.name, "--", *paths)
    return text_of(said) or said.decode("utf-8", "replace")


def references(message: str) -> list[int]:
    """The numbers of issues and pull requests that a message names: `fixes #12`, `(#34)`, `GH-56`."""
    numbers = (next(filter(None, match.groups())) for match in _ISSUE.finditer(message))
    return list(dict.fromkeys(int(number) for number in numbers))


def render(name: str, commit: Commit, before: dict[str, str], diff: str, threads: list[Thread]) -> str:
    """One context: repository, what was discussed, the files before, the message, the diff that answers it."""
    parts = [f"Repository: {name}\n"]
    parts += [thread.render() for thread in threads]
    parts += [f"File: {path}\n```\n{text.rstrip(chr(10))}\n```\n" for path, text in before.items()]
    parts.append(f"Commit: {commit.message}\n")
    parts.append(f"```diff\n{diff.rstrip(chr(10))}\n```\n")
    return "\n".join(parts)


def _language(changes: list[Change]) -> str | None:
    """The programming language of most of the changed files."""
    names = [language for change in changes if (language := language_of(change.after)) is not None]
    return min(names, key=lambda name: (-names.count(name), name)) if names else None
