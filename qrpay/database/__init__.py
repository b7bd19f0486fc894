"""PostgreSQL: the server that comes along, connections, statements, migrations and group commit."""
