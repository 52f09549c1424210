"""All that touches Textual's private parts: each file says what Textual does, since when, and when the file can go."""
