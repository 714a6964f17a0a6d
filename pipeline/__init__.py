"""The conductor: from a manifest and a profile to a finished run. It knows nothing of what documents say.

configuration/          what is asked: manifest, profile, and the runs before
drafting/               both written for folders that nobody has described
planning/               parts, steps and their units
record/                 what a run leaves while it works: receipts, environments, tables
running/                the work on Dask, through failures, and what is told of it meanwhile
proof/                  lock and seal; what is verified and published by them
reports/                what a finished run tells
cli, commands/          the command `winnow`
terminal, credentials   what is printed, made harmless
standalone, order       one stage, one repository, alone
"""
