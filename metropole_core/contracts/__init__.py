"""What plugins implement and receive. Imports nothing else of the core."""
