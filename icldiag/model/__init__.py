"""What runs the prompt: any Hugging Face causal language model, with its attention instrumented."""
