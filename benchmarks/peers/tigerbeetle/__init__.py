"""TigerBeetle through its Python client, in a venv of its own."""
