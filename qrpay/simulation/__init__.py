"""The simulation: many clients, many faults, one real PostgreSQL; then every answer must be explained."""
