"""Stage ``train``: fine-tuning on our instruction files."""
