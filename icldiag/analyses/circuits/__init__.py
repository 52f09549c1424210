"""Which heads carry what the target reads of the demonstrations."""
