"""Review: a person accepts, changes or rejects benchmark questions, without seeing the answers."""
