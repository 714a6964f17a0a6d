"""Works the plan on Dask, once for each unit, through failures and kills; tells of it while it does."""
