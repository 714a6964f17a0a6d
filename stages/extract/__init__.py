"""From the bytes of a page to its text: `html.extract` is the way in."""
