"""The terminal app. A widget knows no tensor: panels show results and ask for more by message."""
