"""How many files this process may have open, and so how many connections."""

from __future__ import annotations

RESERVE = 256
"""Files that stay for pages, chat, encoders and the database."""


def connections_possible(wanted: int) -> int:
    """How many connections fit, at most `wanted`.

    The soft limit is raised towards the hard one, as servers do: it stands at 1024 on many
    systems for the sake of `select`, which nothing here uses.
    """
    try:
        import resource
    except ImportError:
        return wanted  # not on Unix: there is no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + RESERVE:
        goal = wanted + RESERVE
        if hard != resource.RLIM_INFINITY:
            goal = min(goal, hard)
        if goal > soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
                soft = goal
            except (OSError, ValueError):
                pass  # the system forbids it: stay within what there is
        return max(1, min(wanted, soft - RESERVE))
    return wanted
