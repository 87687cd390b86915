"""How many connections fit into the limit of open files, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from metropole_provider_local.files import connections_possible
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(connections_possible({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "possible", "soft_after"),
    [
        (1000, 1000, 500, 500, 1000),
        (300, 1000, 500, 500, 756),
        (300, 600, 500, 344, 600),
        (100, 200, 500, 1, 200),
    ],
)
def test_what_fits(soft: int, hard: int, wanted: int, possible: int, soft_after: int) -> None:
    script = SCRIPT.format(soft=soft, hard=hard, wanted=wanted)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == [str(possible), str(soft_after)]
