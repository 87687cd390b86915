"""What creators read about the qualities of their stream."""

from __future__ import annotations

from metropole_core.limits.words import Name, Sentence, sentence
from metropole_core.text import N_


def too_slow(name: str) -> Sentence:
    """The largest rendition was taken away."""
    return sentence(
        N_(
            "The quality %(name)s was taken away, because this server cannot keep up. Who watched "
            "it sees the next smaller one. What you send is played as before."
        ),
        name=Name(name),
    )


def stood_still(name: str) -> Sentence:
    """One rendition could not be made, the others can."""
    return sentence(
        N_(
            "The quality %(name)s has ended, because making it failed on this server. Who watched "
            "it sees the next smaller one. What you send is played as before."
        ),
        name=Name(name),
    )


def failed() -> Sentence:
    """Nobody could make them."""
    return sentence(
        N_(
            "The smaller qualities have ended, because making them kept failing on this server. "
            "What you send is played as before. Tell the operator."
        )
    )


def no_room() -> Sentence:
    """The machine is full."""
    return sentence(
        N_("This server has no room for further qualities now: too much is encoded already.")
    )


def several_videos() -> Sentence:
    """The encoder makes them itself."""
    return sentence(N_("Your encoder sends several qualities itself; they are played as they are."))


def switched_off() -> Sentence:
    """The operator wants none."""
    return sentence(N_("The operator of this site has switched further qualities off."))


def no_transcoder() -> Sentence:
    """Nothing works here."""
    return sentence(N_("This server cannot make further qualities."))


def small_already() -> Sentence:
    """Nothing smaller is wanted."""
    return sentence(N_("There is no smaller quality than what you send."))
