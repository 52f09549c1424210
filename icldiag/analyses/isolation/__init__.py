"""Isolation: what is lost when label words cannot read their demonstrations, or the target not the label words."""
