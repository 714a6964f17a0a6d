"""The mixture: from the shares that a manifest asks for to which document is used, how often, in which phase.

`mixture` says what is asked, `sums` puts it in numbers, `balance` solves for what is nearest, `bounds` for the documents
that make it up, and `mix` deals them out.
"""
