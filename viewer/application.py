"""The routes: what each address of the viewer shows. Every one only reads, but for the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from winnow.pipeline.reports.shares import shares
from winnow.stages.shards.sequences import ShardError
from winnow.viewer import evidence, labels, measures, records, repositories, sequences, sides, thresholds
from winnow.viewer.asking import DROPPED, KEPT, PAGE, Question, number
from winnow.viewer.documents import rendered, story
from winnow.viewer.pages import STATIC, templates
from winnow.viewer.runs import Run
from winnow.viewer.search import answer, listed
from winnow.viewer.words import index_path

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # without a referrer a form's origin is null, as another site's would be
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
HOSTS = ["127.0.0.1", "localhost"]
Context = Mapping[str, Any]


class Guard:
    """Puts `HEADERS` on every answer, so that no text of a document can run, load or send anything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, guarded)


class Site:
    """A run, perhaps another one beside it, and the labels: what the pages show."""

    def __init__(self, run: Run, other: Run | None, given: labels.Labels) -> None:
        self.run, self.other, self.labels = run, other, given
        self._templates = templates()

    def render(self, template: str, context: Context, status: int = 200) -> HTMLResponse:
        page = self._templates.get_template(template).render(
            run=self.run, other=self.other, page_name=template.partition(".")[0], **context
        )
        return HTMLResponse(page, status)

    def warm(self) -> None:
        """Reads what pages need and takes seconds of a large run, so that nobody waits for it."""
        self.run.warm()
        if self.other is not None:
            _ = self._compared

    def overview(self, request: Request) -> Response:
        run = self.run
        documents = sum(part.rows for part in run.parts)
        by_source: dict[str, list[int]] = {}
        for part in run.parts:
            by_source.setdefault(part.source, [0, 0])[0] += part.rows
        rules: dict[tuple[str, str], int] = {}
        for fate in run.fates:
            by_source.setdefault(fate.source, [0, 0])[1] += fate.documents
            rules[fate.stage, fate.rule] = rules.get((fate.stage, fate.rule), 0) + fate.documents
        stages: dict[str, int] = {}
        for (stage, _), count in rules.items():
            stages[stage] = stages.get(stage, 0) + count
        context = {
            "documents": documents,
            "kept": documents - sum(stages.values()),
            "stages": stages,
            "rules": rules,
            "sources": by_source,
            "mixture": shares(run.index.mixture) if run.index else {},
        }
        return self.render("overview.html.jinja", context)

    def documents(self, request: Request) -> Response:
        question = Question.read(request.query_params)
        found = answer(self.run, question)
        rules = list(dict.fromkeys(f"{fate.stage}: {fate.rule}" for fate in self.run.fates))
        sources = sorted({part.source for part in self.run.parts})
        context = {
            "question": question,
            "answer": found,
            "rules": rules,
            "sources": sources,
            "fates": (KEPT, DROPPED),
            "measures": measures.numeric(self.run),
            "per_page": PAGE,
            "indexed": index_path(self.run).exists(),
        }
        return self.render("documents.html.jinja", context)

    def document(self, request: Request) -> Response:
        part, row = self.run.locate(request.path_params["id"])
        line = number(request.query_params.get("line"))
        told = story(self.run, part, row, int(line) if line else None)
        messages = records.record(self.run, part, row, ["messages"])["messages"]
        written = rendered(self.run, messages) if messages else None
        given = self.labels.given.get(told.fields["id"])
        return self.render("document.html.jinja", {"story": told, "rendered": written, "label": given})

    def measures(self, request: Request) -> Response:
        by_measure: dict[str, list[measures.Bound]] = {name: [] for name in measures.numeric(self.run)}
        for bound in measures.bounds_of(self.run):
            by_measure.setdefault(bound.rule.measure, []).append(bound)
        ordered = sorted(by_measure.items(), key=lambda item: (not item[1], item[0]))
        return self.render("measures.html.jinja", {"measures": ordered})

    def measure(self, request: Request) -> Response:
        name = request.path_params["name"]
        source = request.query_params.get("source", "")
        found = measures.histograms(self.run, name, source=source)
        bounds = measures.bounds_of(self.run, name)
        chosen = request.query_params.get("rule") or (bounds[0].key if bounds else "")
        bound = next((each for each in bounds if each.key == chosen), None)
        context: dict[str, Any] = {"name": name, "found": found, "bounds": bounds, "bound": bound, "source": source}
        context["sources"] = sorted({part.source for part in self.run.parts})
        context["outcome"] = context["out"] = context["back"] = None
        context["minimum"] = bound.rule.minimum if bound else None
        context["maximum"] = bound.rule.maximum if bound else None
        if bound is not None and {"minimum", "maximum"} & set(request.query_params):
            context |= self._outcome(bound.key, request)
        return self.render("measure.html.jinja", context)

    def what_if(self, request: Request) -> Response:
        return self.render("outcome.html.jinja", self._outcome(request.query_params.get("rule", ""), request))

    def _outcome(self, key: str, request: Request) -> dict[str, Any]:
        minimum, maximum = (number(request.query_params.get(side)) for side in ("minimum", "maximum"))
        found = thresholds.outcome(self.run, key, minimum, maximum)
        turned = {side: listed(self.run, getattr(found, side).places) for side in ("out", "back")}
        return {"outcome": found, "minimum": minimum, "maximum": maximum, **turned}

    def duplicates(self, request: Request) -> Response:
        page = max(0, int(number(request.query_params.get("page")) or 0))
        stage = request.query_params.get("stage", "")
        found = evidence.clusters(self.run, page, stage)
        context = {"clusters": found, "stages": evidence.cluster_stages(self.run), "stage": stage, "page": page}
        return self.render("duplicates.html.jinja", {**context, "per_page": evidence.CLUSTERS})

    def cluster(self, request: Request) -> Response:
        kept, members, count = evidence.members(self.run, request.path_params["id"])
        return self.render("cluster.html.jinja", {"kept": kept, "members": members, "count": count})

    def benchmarks(self, request: Request) -> Response:
        page = max(0, int(number(request.query_params.get("page")) or 0))
        benchmark = request.query_params.get("benchmark", "")
        hits, count, names = evidence.hits(self.run, page, benchmark)
        context = {"hits": hits, "count": count, "benchmarks": names, "benchmark": benchmark, "page": page}
        return self.render("benchmarks.html.jinja", {**context, "per_page": evidence.HITS})

    def repositories(self, request: Request) -> Response:
        page = max(0, int(number(request.query_params.get("page")) or 0))
        name = request.query_params.get("name", "")
        found, count = repositories.repositories(self.run, page, name)
        context = {"found": found, "count": count, "name": name, "page": page, "per_page": repositories.LISTED}
        return self.render("repositories.html.jinja", context)

    def repository(self, request: Request) -> Response:
        fields, arcs = repositories.repository(self.run, request.path_params["file"], request.path_params["row"])
        context = {"repository": fields, "arcs": arcs, "drawn": repositories.DRAWN, "width": repositories.width(arcs)}
        return self.render("repository.html.jinja", context)

    def shards(self, request: Request) -> Response:
        return self.render("sequences.html.jinja", {"phases": self.run.index.phases if self.run.index else ()})

    def sequence(self, request: Request) -> Response:
        file, row = request.path_params["file"], request.path_params["row"]
        first = int(number(request.query_params.get("first")) or 0)
        found = sequences.read_row(self.run, file, row, first)
        context = {"row": found, "file": file, "number": row, "window": sequences.WINDOW}
        return self.render("sequence.html.jinja", context)

    def token(self, request: Request) -> Response:
        parameters = request.path_params
        identity, line = sequences.origin(self.run, parameters["file"], parameters["row"], parameters["token"])
        return RedirectResponse(f"/document/{identity}" + (f"?line={line}" if line else ""), 303)

    def label(self, request: Request) -> Response:
        rule, seed = request.query_params.get("rule", ""), int(number(request.query_params.get("seed")) or 1)
        drawn = answer(self.run, Question(rule=rule, fate="" if rule else KEPT, seed=seed))
        waiting = [found for found in drawn.found if found.fields["id"] not in self.labels.given]
        context: dict[str, Any] = {"rule": rule, "seed": seed, "waiting": len(waiting), "story": None}
        if waiting:
            context["story"] = story(self.run, waiting[0].part, waiting[0].row)
        context["rules"] = list(dict.fromkeys(f"{fate.stage}: {fate.rule}" for fate in self.run.fates))
        context |= {"precisions": self.labels.precisions(self.run), "file": self.labels.path}
        context["given"] = len(self.labels.given)
        return self.render("labels.html.jinja", context)

    async def give_label(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, "labels are given on this page alone")
        form = dict(parse_qsl((await request.body()).decode()))
        identity, said = form.get("id", ""), form.get("label", "")
        await run_in_threadpool(self.run.locate, identity)
        if said != "skip":
            await run_in_threadpool(self.labels.give, identity, labels.Label(said))
        back = {"rule": form.get("rule", ""), "seed": int(number(form.get("seed")) or 1) + (said == "skip")}
        target = f"/document/{identity}" if form.get("stay") else f"/labels?{urlencode(back)}"
        return RedirectResponse(target, 303)

    def training(self, request: Request) -> Response:
        headers = {"content-disposition": 'attachment; filename="labelled.jsonl"'}
        return StreamingResponse(self.labels.training(self.run), media_type="application/jsonl", headers=headers)

    def compare(self, request: Request) -> Response:
        if self.other is None:
            raise LookupError("start `winnow view RUN OTHER` to see two runs beside each other")
        return self.render("compare.html.jinja", self._compared)

    @cached_property
    def _compared(self) -> Context:
        assert self.other is not None
        names = sides.told_apart(self.run.workspace.place, self.other.workspace.place)
        moves, differences = sides.moves(self.run, self.other), sides.differences(self.run, self.other)
        return {"moves": moves, "differences": differences, "names": names}

    def failed(self, request: Request, error: Exception) -> Response:
        """What a person asked for isn't there: a page that says so."""
        status = (
            error.status_code if isinstance(error, HTTPException) else 404 if isinstance(error, LookupError) else 400
        )
        message = error.detail if isinstance(error, HTTPException) else str(error.args[0] if error.args else error)
        return self.render("failed.html.jinja", {"message": message}, status)


def application(run: Run, other: Run | None = None, label_file: str | Path = "labels.jsonl") -> Starlette:
    """The viewer as an ASGI application. Raises `ValueError` for a file of labels that holds something else."""
    site = Site(run, other, labels.Labels(str(label_file)))
    pages: dict[str, Callable[[Request], Response]] = {
        "/": site.overview,
        "/documents": site.documents,
        "/document/{id}": site.document,
        "/measures": site.measures,
        "/measures/{name}": site.measure,
        "/what-if": site.what_if,
        "/duplicates": site.duplicates,
        "/duplicates/{id}": site.cluster,
        "/benchmarks": site.benchmarks,
        "/repositories": site.repositories,
        "/repositories/{row:int}/{file:path}": site.repository,
        "/sequences": site.shards,
        "/sequences/{row:int}/{token:int}/{file:path}": site.token,
        "/sequences/{row:int}/{file:path}": site.sequence,
        "/labels": site.label,
        "/labels/training.jsonl": site.training,
        "/compare": site.compare,
        "/alive": lambda request: PlainTextResponse("winnow view\n"),
    }
    app = Starlette(
        routes=[
            *(Route(path, page) for path, page in pages.items()),
            Route("/labels", site.give_label, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard), Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        exception_handlers={kind: site.failed for kind in (LookupError, ValueError, ShardError, HTTPException)},
    )
    app.state.warm = site.warm
    return app
