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
from winnow.formats.containers import git
from winnow.formats.containers.commits import Change, Commit, Licenses, changes_of, commits
from winnow.formats.containers.events import Events, Thread
from winnow.formats.containers.source_trees import repository_name
from winnow.formats.languages import vendored
from winnow.formats.splits import Split
from winnow.stages.ingest.repositories import text_of
from winnow.stages.ingest.source import Builder, SourceSettings

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
    commit = git.commit_of(path, settings.revision)
    count = int(git.git(path, "rev-list", "--count", commit)) if commit else 0
    return [Split(path, first, min(first + SPLIT_COMMITS, count)) for first in range(0, count, SPLIT_COMMITS)]


def read(split: Split, settings: Settings, builder: Builder) -> None:
    """Adds one document for each commit that is an edit across files; every other one is a rejection with its rule."""
    path, head = split.path, git.commit_of(split.path, settings.revision)
    if head is None:
        return
    name = repository_name(path, settings.name)

    def reject(place: str, rule: str, value: object) -> None:
        if split.start == 0:  # every split reads the same events: one of them tells what is wrong with them
            builder.reject(locator=place, rule=rule, value=value)

    events, licenses = Events.read(settings.events, name, reject), Licenses(path, head)
    for commit in commits(path, head, split.start, split.stop):
        locator = f"{path}@{commit.name}"
        licenses.pass_by(commit)
        rule, value = unwanted(commit, settings)
        changes: list[Change] = []
        if rule is None:
            changes = [change for change in changes_of(path, commit) if _counts(change)]
            rule, value = _unfit(path, commit, changes, settings)
        if rule is not None:
            builder.reject(locator=locator, rule=rule, value=value)
            continue
        before = _before(path, changes, settings)
        if isinstance(before, str):
            builder.reject(
                locator=locator, rule=before, value=f"> {settings.file_bytes} or {settings.total_bytes} in all"
            )
            continue
        diff = _diff(path, commit, changes)
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
            license=licenses.of(commit, changes),
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
    return vendored.by_name(change.after) is None and all(mode in (*git.REGULAR, "000000") for mode in change.modes)


def _unfit(path: str, commit: Commit, changes: list[Change], settings: Settings) -> tuple[str | None, object]:
    if not settings.minimum_files <= len(changes) <= settings.maximum_files:
        return "files", len(changes)
    options = ("--quiet", "-w", "--ignore-blank-lines", "--no-ext-diff", "--no-textconv")
    paths = [f":(literal,top){name}" for change in changes for name in dict.fromkeys((change.before, change.after))]
    if not git.differs(path, "diff", *options, commit.parents[0], commit.name, "--", *paths):
        return "formatting", commit.message.partition("\n")[0]
    return None, None


def _before(path: str, changes: list[Change], settings: Settings) -> dict[str, str] | str:
    """The files as they were, by path; the name of a rule where one is no text or they are too many bytes."""
    existing = [change for change in changes if change.status != "A"]
    found, total = {}, 0
    for change, content in zip(existing, git.contents(path, [change.old for change in existing]), strict=True):
        total += len(content)
        if len(content) > settings.file_bytes or total > settings.total_bytes:
            return "size"
        text = text_of(content)
        if text is None or vendored.is_binary(content[: vendored.HEAD_BYTES]):
            return "binary"
        found[change.before] = text
    return found


def _diff(path: str, commit: Commit, changes: list[Change]) -> str:
    options = (
        "--find-renames",
        f"--unified={CONTEXT_LINES}",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--full-index",
    )
    paths = [f":(literal,top){name}" for change in changes for name in dict.fromkeys((change.before, change.after))]
    said = git.git(path, "diff", *options, commit.parents[0], commit.name, "--", *paths)
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
