"""Whether the answers hang on how label words are scored."""
