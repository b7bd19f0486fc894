"""django-hordak from PyPI, in a venv of its own."""
