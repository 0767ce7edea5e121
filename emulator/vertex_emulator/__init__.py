"""An embedded Vertex AI and Cloud Storage for rehearsals on one machine."""
