"""Files that are whole or absent, and JSON records with a schema. No torch."""
