"""How the bundled model was made: from folders of labelled texts to a checkpoint, in one command.

``python -m training make --data ../shared/data --out RUN``: tokenizer, training, measurement, export. See README.md.
"""
