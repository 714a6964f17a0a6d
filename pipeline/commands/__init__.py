"""The subcommands of `winnow`, one module each, imported only when it is called."""
