"""Documents as tokens: `sample` trains the run's tokenizer, `encode` writes ids,
`conversations` keeps them whole,
`cuts` says where to cut a text, `schema` holds them, `settings` what a manifest may ask."""
