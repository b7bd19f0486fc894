"""The bare aiohttp echo, the ceiling."""
