"""The database: tables, migrations, and a connection that survives cancellation."""
