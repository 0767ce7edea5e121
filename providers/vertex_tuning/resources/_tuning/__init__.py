"""What several kinds know of a tuning: its inputs, submission, weights, lineage, consumers and quota."""
