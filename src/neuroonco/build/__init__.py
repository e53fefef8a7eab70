"""Building: from audited labels to benchmark questions and instruction pairs."""
