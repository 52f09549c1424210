"""A prompt for other programs: its text, its messages, and logit biases by which a server gives icldiag's answers."""
