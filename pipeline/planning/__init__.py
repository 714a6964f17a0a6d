"""From manifest and profile to parts of the inputs, and from parts to the units of every step."""
