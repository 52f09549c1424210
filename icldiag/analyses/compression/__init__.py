"""Context compression: how much of the answers survives when only the anchors of the demonstrations are kept."""
