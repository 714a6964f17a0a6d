"""What a finished run is proved by, from the lock down to each file: written, verified, published."""
