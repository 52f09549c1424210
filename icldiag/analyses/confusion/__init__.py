"""Confusable labels: which labels' anchors look alike to the target, and which labels the scores fail to separate."""
