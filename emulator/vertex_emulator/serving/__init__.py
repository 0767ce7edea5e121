"""Predictions of the embedded Vertex AI: a trained checkpoint, read and sampled with NumPy alone."""
