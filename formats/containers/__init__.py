"""What records lie in: archives, web archives, git repositories, packages and tables, read in bounded memory.

Nothing here knows what the records are for, and nothing of what is read is ever executed.

    bounds                      the most that one record may ask for
    inflate, frames, window     compressed streams: forwards within bounds, member by member, by range
    archives, zips              the members of tar, zip and the like, whoever wrote them
    member_names, source_trees  names that do no harm; the files of one repository, wherever they lie
    git, commits, packages      repositories through git itself; source distributions with their metadata
    warc, http, commoncrawl     records of web archives, responses in them, Common Crawl's lists and indexes
    events, records             GH Archive; rows of Parquet, Arrow, JSON and CSV
"""
