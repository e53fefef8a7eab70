"""Export: a benchmark as tasks of other evaluation programs, asked with our prompts and read by our parser."""
