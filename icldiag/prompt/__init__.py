"""What the user wrote: the prompt file, validated, and its encoding with exact spans."""
