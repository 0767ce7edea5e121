"""An embedded Vertex AI and Cloud Storage for one machine."""
