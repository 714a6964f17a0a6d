"""What a finished run tells: the report, cards, one document's way, what differs from another run."""
