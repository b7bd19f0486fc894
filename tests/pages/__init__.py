"""The static pages, as files."""
