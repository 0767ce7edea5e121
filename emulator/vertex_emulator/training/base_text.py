"""The text that the base model learns: English that is already on every machine with Python."""

from __future__ import annotations

from importlib import import_module, resources


def base_documents() -> dict[str, str]:
    """Documents by title: the language reference that `help()` shows, or a short text of this project's own
    where a Python was installed without it."""
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError:
        return own_documents()
    return dict(sorted(topics.items()))


def own_documents() -> dict[str, str]:
    """The paragraphs of the text written for this project, by their first words."""
    text = resources.files(__package__).joinpath("base_text.txt").read_text("utf-8")
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n")]
    return {" ".join(paragraph.split()[:4]): paragraph for paragraph in paragraphs}
