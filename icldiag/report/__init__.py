"""Results -> files: JSON with a versioned schema, and Markdown. One section per analysis, under its name."""
