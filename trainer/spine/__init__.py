"""The spine: five stages and one model. `winnow-train spine` builds each stage's shards on the runs before (`--after`), goes on
with the model of the stage before (`--weights`), trains a reward model and GRPO on what `rl` leaves, and writes one page.

`chain` says which commands are called and works those that aren't done; `retention` what each model makes of every stage's
held-out text; `page` the report; `command` the command.
"""
