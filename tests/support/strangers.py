"""Pages of other people's players, on an origin of their own beside the site's."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
PAGE = """<!doctype html><meta charset="utf-8"><title>A stranger</title>
<link rel="icon" href="data:,">
<video muted autoplay playsinline width="640" height="360"></video>
<script src="/player.js"></script>
<script>const video = document.querySelector('video'), problems = []; {start}</script>"""
SHAKA = NODE_MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js"
START_SHAKA = """
  const player = new shaka.Player();
  player.addEventListener('error', (event) => problems.push(`shaka ${event.detail.code}`));
  player.configure({streaming: {lowLatencyMode: true}});
  player.attach(video).then(() => player.load('URL'))
    .catch((error) => problems.push(`shaka ${error.code}`));"""
HLS_JS = NODE_MODULES / "hls.js" / "dist" / "hls.js"
START_HLS_JS = """
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, data) => data.fatal && problems.push(data.details));
  hls.loadSource('URL'); hls.attachMedia(video);"""

START_PATIENT_HLS_JS = """
  const hls = new Hls();
  const again = () => hls.levels.length ? hls.startLoad() : hls.loadSource('URL');
  hls.on(Hls.Events.ERROR, (_, data) => data.fatal && setTimeout(again, 1000));
  setInterval(() => {
    if (hls.liveSyncPosition > video.currentTime + 5) video.currentTime = hls.liveSyncPosition;
  }, 1000);
  hls.loadSource('URL'); hls.attachMedia(video);"""
"""What hls.js cannot get over is tried again, as its manual has it; and it stays near live. Where
hls.js 1.7 had only to try again by itself, it waits for ever for segments that never were."""


@contextlib.contextmanager
def stranger(script: Path, start: str, url: str) -> Iterator[str]:
    """Serve a page on which a player plays `url`; its `problems` are what it could not get over.

    Arguments:
        script: the player.
        start: makes it play `URL` in the page's `video`.

    Returns:
        The page's address.
    """
    page = PAGE.replace("{start}", start.replace("URL", url)).encode()
    files = {"/": ("text/html", page), "/player.js": ("text/javascript", script.read_bytes())}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path, ("", b""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
