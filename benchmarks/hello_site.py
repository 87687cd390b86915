"""The smallest site of the same making, the peer of `start.py`: a line from Quart on Hypercorn."""

from __future__ import annotations

import asyncio
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart

app = Quart(__name__)


@app.get("/")
async def home() -> str:
    """The page."""
    return "<!doctype html><title>Hello</title><p>Hello"


if __name__ == "__main__":
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    asyncio.run(serve(app, config))
