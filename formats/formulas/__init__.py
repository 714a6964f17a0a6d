"""Formulas in MathML as LaTeX: `mathml` for presentation, `content_mathml` for content."""
