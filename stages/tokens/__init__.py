"""Documents as tokens: `sample` trains the run's tokenizer, `encode` writes ids,
`cuts` says where to cut, `schema` holds them."""
