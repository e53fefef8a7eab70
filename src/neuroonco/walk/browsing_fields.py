"""Which fields of a run's rows a shared folder may show."""

TELLABLE = frozenset(
    (
        *("slice_id", "source_id", "image_channel", "image_slice", "height_px", "width_px", "channels"),
        *("bit_depth", "tumor_present", "tumor_type", "source_label", "sequence", "plane", "split"),
        *("spacing_mm", "thickness_mm", "display_left", "duplicate_group", "duplicate_count", "flags"),
        *("semantics", "description", "kind", "reader", "lesion_found", "lesion_basis", "lesion_confidence"),
        *("lesion_box", "sequence_seen", "sequence_confidence", "region", "signs", "confidences"),
        *("abstained", "unrecognized", "disagreements", "additional_clues", "changes", "reason", "detail"),
        *("code", "image_id", "q_index", "question_type", "question", "options", "answer", "is_rejection"),
        *("removed_answer", "label_source", "is_hard", "twin_of", "model", "status", "pred", "raw", "shown_order"),
        *("logprobs", "confidence", "style", "size", "spread", "head_box", "hard_cases", "conspicuity"),
        *("conspicuous", "stripped", "notes"),
    )
)
"""All others stay, so that a new one is not passed on unseen: paths, names and hashes of files, ids of patients,
messages of errors. Free text among these is looked at once more, see :func:`neuroonco.browse.sharing.tellable`."""
