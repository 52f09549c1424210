"""One file per diagnosis: formula, frozen result, one entry function that returns it."""
