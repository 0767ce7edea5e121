"""What a model is: its architecture, tokenizer and prompt format, and the checkpoint folder that holds it."""
