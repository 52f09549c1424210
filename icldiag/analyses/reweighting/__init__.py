"""Anchor re-weighting: train how much each head listens to each demonstration's label word."""
