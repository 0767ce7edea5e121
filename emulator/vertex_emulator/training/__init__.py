"""Training of the embedded Vertex AI: JSONL in, a Hugging Face checkpoint out.

Only `worker` and the modules that it alone needs (`network`, `optimise`, `base`, `job`) import JAX;
everything that the API server imports from here runs without it.
"""
