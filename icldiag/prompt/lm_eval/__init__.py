"""Samples that lm-evaluation-harness logged, back into the prompt that made them."""
