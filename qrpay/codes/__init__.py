"""What a code says: written, signed, drawn, read and checked. Pure: no database, no network."""
