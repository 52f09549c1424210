"""Depth: from which layer the answer is there, what separates the labels before, and which part writes the lead."""

from icldiag.analyses.depth.compute import Depth, QueryDepth, ReadDepth, ReadDepths
from icldiag.analyses.depth.mean_shares import MeanShares, ShareDepths

__all__ = ["Depth", "MeanShares", "QueryDepth", "ReadDepth", "ReadDepths", "ShareDepths"]
