"""What Textual does otherwise than we need; each file says why, and with which version of Textual it can go."""
