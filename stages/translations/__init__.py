"""Translations: catalogues and memories read as pairs, and pairs checked and written down as documents."""
