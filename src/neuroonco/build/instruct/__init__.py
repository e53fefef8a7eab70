"""Instruction data: drafts in a writer's words, checked against the label, as chat JSONL."""
