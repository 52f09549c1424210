"""A prompt on a model as a classifier of new texts: in Python, and on files of any length."""
