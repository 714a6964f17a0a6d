"""llama.cpp on one GGUF file: its server by the OpenAI API, or perplexity and speed on given tokens.

    .venv-llama/bin/python trainer/serving/llama.py serve model.gguf --port 8080
    .venv-llama/bin/python trainer/serving/llama.py score model.gguf held_out.jsonl

It runs in an environment that holds `xllamacpp`, llama.cpp's own server in a wheel, and imports nothing of Winnow. Any
other build of llama.cpp reads the same file: `llama-server --model model.gguf --metrics`.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from pathlib import Path
from typing import Any

from xllamacpp import CommonParams, Server, common_speculative_type, ggml_type, llama_flash_attn_type

FORCED = 1e6  # added to a logit, so that no other token can be drawn; what is told of it is without
ALL = 1 << 30  # more tokens than any vocabulary has


def settings(model: Path, threads: int, *, length: int = 0, slots: int = 1, exact: bool = False) -> CommonParams:
    """`length`: tokens of context, of each slot; 0 for as many as the model was trained on.

    `exact`: keys, values and attention in fp32, where llama.cpp rounds to halves by default. With a file of type f32 its
    log-probabilities are those of transformers to 1e-4; without, 1e-2.
    """
    found = CommonParams()
    found.model.path = str(model)
    found.model_alias = {model.stem}
    found.n_parallel = slots
    found.n_ctx = length * slots
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = threads
    found.endpoint_metrics = True
    found.ui = False
    if exact:
        found.cache_type_k = found.cache_type_v = ggml_type.GGML_TYPE_F32
        found.flash_attn_type = llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return found


def draft_ahead(found: CommonParams, tokens: int) -> None:
    """Lets the prediction layer draft so many tokens, which the model then confirms or not: the same text, in fewer steps."""
    found.load_mtp = True
    found.speculative.types = [common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_MTP]
    found.speculative.draft.n_max = tokens


def score(model: Path, windows: list[list[int]], threads: int) -> dict[str, Any]:
    """Perplexity of every token but each window's first, and tokens generated in a second of the clock.

    The tokens of a window before each one lie in the cache.
    """
    server = Server(settings(model, threads, length=max(map(len, windows)) + 1))
    shown = next(id for window in windows for id in window if _drawn(server, window[:1], id, 1))
    each = [
        log_probability(server, window[:place], window[place], shown)
        for window in windows
        for place in range(1, len(window))
    ]
    speeds = []
    for window in windows[:8]:
        begun = time.perf_counter()
        made = _complete(server, window[:1], len(window) - 1)["usage"]["completion_tokens"]
        speeds.append(made / (time.perf_counter() - begun))
    return {
        "perplexity": math.exp(-math.fsum(each) / len(each)),
        "tokens": len(each),
        "bytes": model.stat().st_size,
        "tokens_per_second": sorted(speeds)[len(speeds) // 2],
        "threads": threads,
    }


def log_probability(server: Server, prompt: list[int], token: int, shown: int) -> float:
    """Of a token after a prompt, in nats.

    The server tells it of what it draws, so the token is made to be drawn. A byte of a character it holds back until the
    others come, and tells nothing: then it draws `shown`, a token of which it does tell, and is asked for all of them.
    """
    drawn = _drawn(server, prompt, token, 1) or _drawn(server, prompt, shown, ALL)
    found = [told["logprob"] for told in (drawn, *drawn["top_logprobs"]) if told["id"] == token]
    return float(found[0])


def _drawn(server: Server, prompt: list[int], token: int, count: int) -> dict[str, Any]:
    """What the server tells of a token that it is made to draw, with the `count` likeliest; nothing where it tells none."""
    told = _complete(server, prompt, 1, n_probs=count, logit_bias=[[token, FORCED]])["choices"][0]["logprobs"]
    return dict(told["content"][0]) if told else {}


def _complete(server: Server, prompt: list[int], count: int, **more: Any) -> dict[str, Any]:
    """The likeliest tokens after a prompt of ids, ends of text among them."""
    asked = {"prompt": prompt, "n_predict": count, "temperature": 0, "samplers": ["temperature"], "ignore_eos": True}
    told = server.handle_completions({**asked, **more})
    if "choices" not in told:
        raise RuntimeError(f"llama.cpp: {told}")
    return dict(told)


def serve(found: CommonParams) -> None:
    """Serves until SIGTERM or SIGINT."""
    stopping = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    server = Server(found)
    print(server.listening_address, flush=True)
    signal.sigwait(stopping)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=8080)
    serving.add_argument("--context", type=int, default=0, help="tokens of each request; the model's own by default")
    serving.add_argument("--slots", type=int, default=4, help="requests at once")
    serving.add_argument("--draft", type=int, default=0, help="tokens that the prediction layer drafts ahead")
    serving.add_argument("--exact", action="store_true", help="attention and its cache in fp32")
    scoring = commands.add_parser("score")
    for command in (serving, scoring):
        command.add_argument("model", type=Path)
        command.add_argument("--threads", type=int, default=1)
    scoring.add_argument("windows", type=Path, help="token ids, a list of them in each line")
    given = parser.parse_args()
    if not given.model.is_file():
        parser.error(f"there is no file {given.model}")
    if given.command == "score":
        windows = [json.loads(line) for line in given.windows.read_text().splitlines()]
        print(json.dumps(score(given.model, windows, given.threads)))
        return
    found = settings(given.model, given.threads, length=given.context, slots=given.slots, exact=given.exact)
    found.hostnames, found.port = [given.host], given.port
    if given.draft:
        draft_ahead(found, given.draft)
    serve(found)


if __name__ == "__main__":
    main()
