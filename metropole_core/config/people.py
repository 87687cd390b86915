"""Who may join and who may stream, as the operator sets it."""

from __future__ import annotations

from typing import Literal

Registration = Literal["open", "invitation", "approval", "closed"]
"""How people get accounts: by themselves, with a code, by asking an administrator, not at all."""

Streaming = Literal["everyone", "granted"]
"""Who may go live when nothing was decided about the account itself."""
