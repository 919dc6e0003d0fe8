"""What commands print: tables and sentences about networks, runs and sweeps."""
