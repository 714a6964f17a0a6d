"""`winnow-train`: training by default, and the commands beside it, each loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "train": ("winnow.trainer.train", "train a model on the shards of a finished run (the default)"),
    "evaluate": ("winnow.trainer.evaluate", "perplexity, balance and cost of length on held-out text"),
    "consumed": ("winnow.trainer.consumed", "the documents that a model has read, for shards of what is left"),
    "benchmark": (
        "winnow.trainer.benchmarks.command",
        "an export on benchmark files, by what the training data hold of them",
    ),
    "reward": ("winnow.trainer.alignment.reward", "train a reward model on a run's preference pairs"),
    "grpo": ("winnow.trainer.alignment.grpo", "train a model by reinforcement on a run's labelled prompts"),
    "ppo": ("winnow.trainer.alignment.ppo", "the same by PPO, with a value of every token"),
    "spine": ("winnow.trainer.spine.command", "one model through all stages, from raw corpora to reinforcement"),
    "plan": ("winnow.trainer.plan", "memory, days and cost on a cluster"),
    "gguf": ("winnow.trainer.serving.gguf", "an exported model as one file for llama.cpp"),
    "safety": ("winnow.trainer.safety.command", "refusals and false refusals of a served model, by category"),
    "quantize": ("winnow.trainer.serving.quantize", "fewer bits by several tools, and what each costs in perplexity"),
}
DEFAULT = "train"


class Commands(click.Group):
    """Commands by name; options without a command are those of `train`."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[name][0]).main
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in COMMANDS.items()])

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in context.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(context, args)


@click.command(cls=Commands)
def main() -> None:
    """Trains models of the GLM-4.5 family on a run's shards. Without a command: `winnow-train train --help` says how."""


if __name__ == "__main__":
    main()
