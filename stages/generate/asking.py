"""The step that asks: of each document that is left, so many answers of a server, one a row of `answers/<part>.parquet`.

What a server answered can't be made again, so it is this unit's output, and `kept` holds it from the moment that it comes.
Everything else is a function of it: `judging` reads it as often as one likes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from winnow.stages.generate.kept import REPLY, Kept, answers_path, request_key
from winnow.stages.generate.prompts import COLUMNS, asked_of, length_of
from winnow.stages.generate.server import Asker, Reply
from winnow.stages.generate.settings import Generation, Server
from winnow.stages.run.chance import draws
from winnow.stages.run.drops import drops_of, surviving
from winnow.stages.run.unit import Away, Counts, File, Files, Place, Step, Unit, Units
from winnow.stages.run.workspace import Workspace

NO_PROMPT, TOO_LONG = "no_prompt", "too_long"
ANSWER = pa.schema(
    [
        pa.field("parent", pa.string(), nullable=False),  # the document's id
        pa.field("number", pa.int32(), nullable=False),  # which of its answers, from 0
        pa.field("seed", pa.int64()),  # sent along, where the server takes one; null where nothing was sent
        *REPLY,
    ]
)
AHEAD = 2  # requests made ready for each one that is open


@dataclass(frozen=True, kw_only=True)
class AskPart:
    """A part, what is asked of it, and whom; of `server` and its name no byte depends."""

    documents: File
    drops: Files
    model: str
    template: str
    system: str | None
    labels: tuple[str, ...]
    rate: float
    longest: int | None
    answers: int
    tokens: int
    sampling: Mapping[str, Any]
    seed: int
    server: Server
    name: Place


@dataclass(frozen=True)
class _Request:
    parent: str
    number: int
    seed: int | None
    key: str
    body: Mapping[str, Any] | None  # None where nothing is sent, and `status` says why
    status: str = ""


def ask_part(workspace: Workspace, unit: Unit[AskPart]) -> Counts:
    """Asks for what isn't kept yet and writes all answers of the part. Raises `Away` where the server is."""
    asked = unit.asked
    kept = Kept(workspace.place, unit.name)
    requests = list(_without_bodies(_answered(_requests(workspace, asked), kept, asked)))
    rows, counts = [], Counter(documents=len({request.parent for request in requests}), requests=0)
    told: Counter[str] = Counter()
    for request in requests:
        reply = Reply(status=request.status) if request.status else kept.replies[request.key]
        rows.append({"parent": request.parent, "number": request.number, "seed": request.seed, **asdict(reply)})
        counts["requests"] += not request.status
        counts["prompt_tokens"] += reply.prompt_tokens
        counts["completion_tokens"] += reply.completion_tokens
        told[reply.status] += 1
    kept.close()
    workspace.write_table(answers_path(unit.name), pa.Table.from_pylist(rows, schema=ANSWER))
    cost = asked.server.cost(counts["prompt_tokens"], counts["completion_tokens"])
    return {**counts, **({"cost_millionths": cost} if cost else {}), "replies": dict(sorted(told.items()))}


def _requests(workspace: Workspace, asked: AskPart) -> Iterator[_Request]:
    """The requests of a part in the order of its documents."""
    documents = workspace.read_table(asked.documents, columns=list(COLUMNS))
    kept = documents.filter(pa.array(surviving(workspace, documents.num_rows, asked.drops)))
    if asked.rate < 1:
        kept = kept.filter(pa.array(draws(kept["id"], asked.seed, "generate") < asked.rate * 2.0**64))
    labels = ", ".join(asked.labels)
    for batch in kept.to_batches(max_chunksize=256):
        for document in batch.to_pylist():
            messages, tools = asked_of(document, template=asked.template, system=asked.system, labels=labels)
            status = "" if messages else NO_PROMPT
            if asked.longest is not None and length_of(messages) > asked.longest:
                status = TOO_LONG
            if status:
                yield _Request(document["id"], 0, None, "", None, status)
                continue
            body = {"model": asked.model, "messages": messages, **({"tools": tools} if tools else {}), **asked.sampling}
            for number in range(asked.answers):
                seed = seed_of(asked.seed, document["id"], number)
                key = request_key({**body, "tokens": asked.tokens, "seed": seed})
                sent = {**body, asked.server.limit: asked.tokens, **({"seed": seed} if asked.server.seeds else {})}
                yield _Request(document["id"], number, seed, key, sent)


def seed_of(seed: int, document: str, number: int) -> int:
    """The seed of one request: 31 bits, which all servers take."""
    digest = hashlib.blake2b(f"generate\0{seed}\0{document}\0{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 33


def _answered(requests: Iterator[_Request], kept: Kept, asked: AskPart) -> Iterator[_Request]:
    """The requests again, each as soon as it is certain that its answer is or will be kept."""
    asker: Asker | None = None
    open_now: set[Future[None]] = set()
    under_way: set[str] = set()

    def ask(request: _Request) -> None:
        assert asker is not None and request.body is not None
        kept.add(request.key, asker.ask(request.body))

    with ThreadPoolExecutor(asked.server.concurrency) as threads:
        try:
            for request in requests:
                if not request.status and request.key not in kept.replies and request.key not in under_way:
                    asker = asker or Asker(asked.server, str(asked.name))
                    under_way.add(request.key)
                    open_now.add(threads.submit(ask, request))
                    if len(open_now) >= AHEAD * asked.server.concurrency:
                        open_now = _settled(open_now)
                yield request
            while open_now:
                open_now = _settled(open_now)
        except BaseException as error:
            if asker is not None:
                asker.stop()
            for each in open_now:
                each.cancel()
            threads.shutdown()
            raise _first(open_now, error) from None


def _settled(futures: set[Future[None]]) -> set[Future[None]]:
    """Waits for one of them and returns the others. Raises what it raised."""
    done, others = wait(futures, return_when=FIRST_COMPLETED)
    for each in done:
        each.result()
    return others


def _first(futures: set[Future[None]], error: BaseException) -> BaseException:
    """The reason that all stopped: that the server is away, where one of the threads has found that."""
    found = [each.exception() for each in futures if each.done() and not each.cancelled()]
    return next((each for each in (error, *found) if isinstance(each, Away)), error)


def _without_bodies(requests: Iterator[_Request]) -> Iterator[_Request]:
    for request in requests:
        yield _Request(request.parent, request.number, request.seed, request.key, None, request.status)


ASK = Step(name="generate.ask", version=1, work=ask_part)


def ask_units(
    parts: Sequence[str], asked: Generation, server: Server, *, seed: int, stages: Sequence[str]
) -> Sequence[Unit[AskPart]]:
    """One unit a part. `stages`: those that dropped documents."""
    return Units(
        parts,
        lambda _, part: AskPart(
            documents=File(f"documents/{part}.parquet"),
            drops=drops_of(part, stages),
            model=asked.model,
            template=asked.template(),
            system=asked.system,
            labels=asked.labels,
            rate=asked.rate,
            longest=asked.longest,
            answers=asked.answers,
            tokens=asked.tokens,
            sampling=asked.sampling(),
            seed=seed,
            server=server,
            name=Place(asked.server),
        ),
    )
