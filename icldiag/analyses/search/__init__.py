"""The search for repairs: the labelled texts in parts and folds, and what was tried on them. Knows no family of changes
but the calibrations, which need no pass of their own, so that the overview and panel Repair tell the same of them."""
