"""What the model would write, beside the label that scores highest."""
