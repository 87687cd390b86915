"""The `metropole` command."""
