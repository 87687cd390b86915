"""Who is live: the live-status machine, publishers, viewers."""
