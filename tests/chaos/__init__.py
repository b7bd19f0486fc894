"""What is killed, and what must hold all the same."""
