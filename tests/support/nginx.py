"""A real nginx with a configuration that is included in its `http`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

NGINX = "/usr/sbin/nginx"
AROUND = """
{user}daemon off; worker_processes 1; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types;
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {site};
}}
"""


@asynccontextmanager
async def nginx(folder: Path, configuration: str) -> AsyncIterator[int]:
    """Run it until the block ends.

    Arguments:
        configuration: as an operator puts it into conf.d.

    Returns:
        Its process id.
    """
    folder.mkdir(exist_ok=True)
    site, around = folder / "site.conf", folder / "nginx.conf"
    site.write_text(configuration)
    # Its worker has to get into the tests' folders.
    user = "user root; " if os.geteuid() == 0 else ""
    around.write_text(AROUND.format(user=user, folder=folder, site=site))
    process = await asyncio.create_subprocess_exec(
        NGINX, "-c", str(around), "-e", str(folder / "error.log"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            while not (folder / "nginx.pid").exists():
                assert process.returncode is None, (await process.stdout.read()).decode()
                await asyncio.sleep(0.02)
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)
