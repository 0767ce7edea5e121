"""Cloud Storage: its JSON API, and of its XML API the uploads in parts."""

from vertex_emulator.api.storage import batch, buckets, copies, iam, objects, parts, uploads

ROUTES = (
    *buckets.ROUTES,
    *iam.ROUTES,
    *objects.ROUTES,
    *copies.ROUTES,
    *uploads.ROUTES,
    *batch.ROUTES,
)
XML_ROUTES = parts.ROUTES
"""These match nearly any path, so they belong at the end of a table."""
