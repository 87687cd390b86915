"""Metropole's media toolkit. It knows no web framework, no database and no plugin."""
