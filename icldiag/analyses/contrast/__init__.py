"""Contrast: which words push towards the answer and away from its rival, and whether taking them out shows it."""

from icldiag.analyses.contrast.compute import Contrast, ReadContrast
from icldiag.analyses.contrast.deletion import DeleteWords, Deletion

__all__ = ["Contrast", "DeleteWords", "Deletion", "ReadContrast"]
