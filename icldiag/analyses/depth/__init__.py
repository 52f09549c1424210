"""Depth: from which layer the answer is there, what separates the labels before, and which part writes the lead."""

from icldiag.analyses.depth.compute import Depth, QueryDepth, ReadDepth, ReadDepths

__all__ = ["Depth", "QueryDepth", "ReadDepth", "ReadDepths"]
