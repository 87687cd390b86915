"""The configuration with which OBS Studio makes several qualities itself (multitrack video)."""
