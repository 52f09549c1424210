"""Sweeps: analyses of many prompts, models and draws of demonstrations, and the paper's tables made from them."""
