"""A preview's report for reviewers: one model, rendered as Markdown, HTML and JSON."""

from .build import build
from .html import html
from .markdown import COMMENT_LIMIT, markdown
from .model import Report
from .preview import Preview, read_preview

__all__ = ["COMMENT_LIMIT", "Preview", "Report", "build", "html", "markdown", "read_preview"]
