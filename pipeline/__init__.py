"""The conductor: from a manifest and a profile to a finished run. It knows nothing of what documents say.

manifest, mixture, profile, section,
settings, reading                           what is asked, read and checked
parts, plan, plan_shards                    the steps and their units
fetch, warm, cluster, lease, runner,
receipt, receipt_tables, ledger             working them, and what commits them
progress, summary, funnel, shares,
account, distributions, report              what a person sees
lock, verification, recount, comparison, explanation what is left as proof
cli, commands/, standalone                  the command `winnow`
"""
