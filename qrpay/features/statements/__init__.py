"""Daily files, monthly statements, and their signatures."""
