"""What a language's own tools say about imports: one function per language, `edges(root, files) → pairs of paths`."""
