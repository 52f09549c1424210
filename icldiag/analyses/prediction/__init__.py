"""What the model answers: label probabilities, predicted labels, accuracy, and who is taken for whom."""
