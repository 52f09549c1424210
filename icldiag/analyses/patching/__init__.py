"""Activation patching between two states of the prompt."""
