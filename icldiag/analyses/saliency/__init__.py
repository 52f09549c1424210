"""Saliency: how much information flows between which positions in each layer."""
