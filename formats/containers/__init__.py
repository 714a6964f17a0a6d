"""What records lie in: archives, web archives, git repositories, packages and tables, read in bounded memory.

Nothing here knows what the records are for, and nothing of what is read is ever executed.

    bounds                      the most that one record may ask for
    inflate, frames, window     compressed streams: forwards within bounds, member by member, by range
    archives, zips              the members of tar, zip and the like, whoever wrote them
    member_names, source_trees  names that do no harm; the files of one repository, wherever they lie
    git, git_directory          repositories through git itself, which is given nothing that it could run
    commits, packages           histories; source distributions with their metadata
    warc, http, commoncrawl     records of web archives, responses in them, Common Crawl's lists and indexes
    records                     rows of tables, by the format that a name tells:
      columnar, sqlite          Parquet, Arrow, SQLite
      sheets, sheet_process     spreadsheets, each opened in a process of its own
      delimited                 CSV and TSV
      json_stream, json_text    JSON in one value, in lines, or one after the other
      decoded, line_ends        what rows would come to in memory; carriage returns alone
    events                      issues and pull requests of GH Archive
"""
