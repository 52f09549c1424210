"""What a page is made of, and its writers: HTML, Markdown, LaTeX, text, tables, figures."""
