"""What a manifest says of generation (`Generation`), and what a profile says of a server (`Server`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from winnow.stages.generate.prompts import PROMPTS, TEXT

OURS = frozenset({"model", "messages", "tools", "seed", "n", "stream", "max_tokens", "max_completion_tokens"})
"""Fields of a request that follow from other keys, and `n` and `stream`: one request has one answer, whole."""
LABEL, CONSISTENCY = "label", "consistency"


class Recipe(StrEnum):
    REJECTION_SAMPLING = "rejection_sampling"
    REPHRASE = "rephrase"
    LABEL = "label"


class Generation(BaseModel):
    """What a model is asked about the documents that filters, de-duplication and decontamination have left."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: Recipe = Field(
        description="`rejection_sampling`: several answers to a prompt, graded, the best kept; `rephrase`: the text told "
        "anew; `label`: one of `labels` for the text"
    )
    server: str = Field(description="name of one of the profile's `servers`")
    model: str = Field(min_length=1, description="as the server calls it")
    prompt: str = Field(
        "",
        description="a prompt that Winnow brings (`article`, `questions`, `digest`, `plain`, `quality`, `solve`), or your own "
        "text with `{text}` and, if need be, `{title}`, `{url}`, `{language}`, `{labels}`. Without one, rejection sampling "
        "asks what the conversation asks, up to its last answer",
    )
    system: str | None = Field(None, description="a system message that stands before all others")
    sources: tuple[str, ...] = Field((), description="only documents of these sources of the mixture")
    rate: float = Field(1.0, gt=0, le=1, description="share of the documents that are asked about, drawn by their ids")
    longest: int | None = Field(
        None, gt=0, description="characters of a prompt at the most; what is longer is a rejection"
    )
    answers: int = Field(ge=1, le=1024, description="to each prompt")
    tokens: int = Field(ge=1, description="of an answer at the most; one that is cut there is a rejection")
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    options: dict[str, Any] = Field(
        default_factory=dict, description="more fields of the request, as the server knows them: `{top_k: 20}`"
    )
    labels: tuple[str, ...] = Field((), description="of the recipe `label`")
    grade: str | None = Field(
        None,
        description="of rejection sampling: `label`, whether the boxed answer is the conversation's label; `consistency`, "
        "the share of the answers whose boxed answer it is; or `package.module:NAME`, called with the messages and the "
        "answer's text, which gives a number",
    )
    minimum: float = Field(
        0.5, description="what the best grade must reach; of `label`, the share of answers that must agree on it"
    )

    def template(self) -> str:
        """The prompt's text; empty where conversations ask themselves."""
        return PROMPTS.get(self.prompt, self.prompt)

    def sampling(self) -> dict[str, Any]:
        """The fields of a request that say how answers are drawn."""
        given = {"temperature": self.temperature, "top_p": self.top_p}
        return {**self.options, **{name: value for name, value in given.items() if value is not None}}

    @model_validator(mode="after")
    def _fits_its_recipe(self) -> Generation:
        if self.prompt and TEXT not in self.template():
            raise ValueError(
                f"`prompt` is none of {', '.join(PROMPTS)}, and has no {TEXT} where a document would stand"
            )
        if not self.prompt and self.recipe != Recipe.REJECTION_SAMPLING:
            raise ValueError(f"{self.recipe} needs a `prompt`: one of {', '.join(PROMPTS)}, or your own")
        if (self.grade is None) == (self.recipe == Recipe.REJECTION_SAMPLING):
            raise ValueError("`grade` belongs to rejection sampling, which needs one: label, consistency or your own")
        if self.grade is not None and self.grade not in (LABEL, CONSISTENCY) and ":" not in self.grade:
            raise ValueError("`grade` is `label`, `consistency` or `package.module:NAME`")
        if (len(self.labels) < 2) == (self.recipe == Recipe.LABEL):
            raise ValueError("`labels` belong to the recipe `label`, which needs two or more")
        if len({label.casefold() for label in self.labels}) < len(self.labels):
            raise ValueError("two `labels` are the same but for capitals")
        if taken := sorted(OURS & self.options.keys()):
            raise ValueError(f"`options` can't hold {', '.join(taken)}: other keys say that, or it is always the same")
        return self


class Server(BaseModel):
    """An OpenAI-compatible server: vLLM, SGLang, llama.cpp or a hosted one. No byte depends on which of them answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        pattern=r"^https?://[^\s?#]+$", description="what stands before `/chat/completions`: `http://host:8000/v1`"
    )
    key: str | None = Field(
        None, description="name of the environment variable that holds the key, on every worker: `OPENAI_API_KEY`"
    )
    concurrency: int = Field(8, ge=1, le=1024, description="requests that each worker has open at once")
    tries: int = Field(6, ge=1, description="of one request, with growing pauses or those that the server asks for")
    patience: float = Field(300.0, ge=0, description="seconds that one request waits between its tries, all together")
    timeout: float = Field(600.0, gt=0, description="seconds that one answer may take")
    limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="what the server calls `tokens`; newer models of OpenAI know the second alone"
    )
    seeds: bool = Field(True, description="whether requests carry a `seed`; some servers refuse it")
    input_price: float | None = Field(None, ge=0, description="of a million tokens of prompts, in any currency")
    output_price: float | None = Field(None, ge=0, description="of a million tokens of answers")

    def identity(self) -> None:
        """Nothing of it counts: an answer is the same wherever the model stands."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Millionths of the prices' currency."""
        return round(prompt_tokens * (self.input_price or 0) + completion_tokens * (self.output_price or 0))
