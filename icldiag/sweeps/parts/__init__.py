"""The page's parts, one file per analysis: a sentence that says what was found, tables and figures."""
