"""The order of asking, who is charged, and modes that misbehave."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from metropole_core.chat.pipeline import (
    FAILURES,
    SUSPENDED,
    ActiveMode,
    Passed,
    Pipeline,
    Refused,
)
from metropole_core.contracts.channels import Person
from metropole_core.contracts.chat_mode import (
    Allow,
    Draft,
    Reject,
    Sender,
    Stage,
    Transform,
    Verdict,
)
from metropole_core.testing import CHANNEL, FakeClock


class Nothing(BaseModel):
    pass


@dataclass
class Mode:
    """Answers what it is told, and writes down what it is asked."""

    name: str = "test"
    answer: Any = field(default_factory=Allow)
    wait: Any = None
    fail_open: bool = True
    stage: Stage = Stage.CONTENT
    title: str = "Test mode"
    description: str = "For tests."
    Settings: ClassVar[type[BaseModel]] = Nothing
    log: list[tuple[str, str, str]] = field(default_factory=list)

    def sentence(self, settings: BaseModel) -> str:
        return self.name

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        self.log.append((self.name, "check", draft.text))
        answer = self.answer
        if callable(answer):
            answer = answer(draft.text)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        verdict: Verdict = answer
        return verdict

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        self.log.append((self.name, "accepted", draft.text))
        if isinstance(self.wait, Exception):
            raise self.wait
        wait: float | None = self.wait
        return wait


def on(*modes: Mode) -> list[ActiveMode]:
    return [ActiveMode(mode, Nothing()) for mode in modes]


def draft(text: str = "hello") -> Draft:
    return Draft(CHANNEL, Sender(Person("u1", 1, "Ann"), False, False, None), text)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(FakeClock())


async def say(pipeline: Pipeline, modes: list[ActiveMode], text: str = "hello") -> object:
    """As the service does: check, and accepted only when all allow."""
    verdict = await pipeline.check(draft(text), [], modes)
    if isinstance(verdict, Passed):
        return await pipeline.accepted(draft(verdict.text), modes)
    return verdict


VERDICTS = st.lists(
    st.one_of(
        st.just(Allow()),
        st.builds(Reject, st.just("no"), st.one_of(st.none(), st.floats(0, 100))),
        st.builds(Transform, st.sampled_from(["a", "b", "c"])),
        st.just(RuntimeError("broken")),
        st.just("no verdict"),
    ),
    max_size=6,
)


@given(VERDICTS, st.booleans())
async def test_a_refused_message_charges_nobody(answers: list[Any], fail_open: bool) -> None:
    seen: list[tuple[str, str, str]] = []
    modes = [
        Mode(f"m{n}", answer, wait=n, fail_open=fail_open, log=seen)
        for n, answer in enumerate(answers)
    ]
    result = await say(Pipeline(FakeClock()), on(*modes))
    checks = [name for name, what, _ in seen if what == "check"]
    charged = [name for name, what, _ in seen if what == "accepted"]
    assert checks == [f"m{n}" for n in range(len(checks))]  # in order, each once
    stops = [
        n
        for n, answer in enumerate(answers)
        if isinstance(answer, Reject)
        or (not fail_open and not isinstance(answer, Allow | Transform))
    ]
    if stops:
        assert isinstance(result, Refused)
        assert result.code == f"m{stops[0]}"
        assert len(checks) == stops[0] + 1
        assert charged == []
    else:
        assert charged == [f"m{n}" for n in range(len(modes))]
        assert result == (len(modes) - 1 if modes else None)
        # Each sees what the ones before made of the text; at the end all see the same.
        text = "hello"
        for (_, _, given_text), answer in zip(seen, answers, strict=False):
            assert given_text == text
            text = answer.text if isinstance(answer, Transform) else text
        assert {t for _, what, t in seen if what == "accepted"} <= {text}


async def test_guards_come_first_and_fail_closed(pipeline: Pipeline) -> None:
    mode = Mode()

    async def banned(_: Draft) -> Reject | None:
        return Reject("You are banned for 10 minutes.", 600)

    async def fine(_: Draft) -> Reject | None:
        return None

    async def broken(_: Draft) -> Reject | None:
        raise RuntimeError("no connection")

    async def stuck(_: Draft) -> Reject | None:
        await asyncio.sleep(60)
        return None

    assert await pipeline.check(draft(), [fine], on(mode)) == Passed("hello")
    mode.log.clear()
    verdict = await pipeline.check(draft(), [fine, banned], on(mode))
    assert verdict == Refused("guard", "You are banned for 10 minutes.", 600)
    for guard in (broken, stuck):
        assert isinstance(await pipeline.check(draft(), [guard], on(mode)), Refused)
    assert mode.log == []


async def test_a_transform_is_cleaned_and_an_impossible_one_is_a_failure(
    pipeline: Pipeline,
) -> None:
    assert await pipeline.check(
        draft(), [], on(Mode(answer=Transform("  you\u202e said  ")))
    ) == Passed("you said")
    endless = Mode("endless", Transform("x" * 5000))
    assert await pipeline.check(draft(), [], on(endless)) == Passed("hello")
    assert pipeline.health("endless").failed == 1
    endless.fail_open = False
    assert isinstance(await pipeline.check(draft(), [], on(endless)), Refused)


@pytest.mark.parametrize("fail_open", [True, False])
async def test_an_overrun_is_cut_off_and_counted(pipeline: Pipeline, fail_open: bool) -> None:
    async def forever(_: str) -> Verdict:
        await asyncio.sleep(60)
        return Reject("too late")

    began = time.perf_counter()
    verdict = await pipeline.check(draft(), [], on(Mode("stuck", forever, fail_open=fail_open)))
    assert time.perf_counter() - began < 5
    assert pipeline.health("stuck").overran == 1
    if fail_open:
        assert verdict == Passed("hello")
    else:
        assert isinstance(verdict, Refused)
        assert verdict.reason == "Test mode does not work right now. Try again soon."
        assert verdict.retry_after is not None


async def test_what_never_awaits_is_measured() -> None:
    clock = FakeClock()
    pipeline = Pipeline(clock)

    def busy(_: str) -> Verdict:
        clock.advance(0.2)
        return Reject("no")

    verdict = await pipeline.check(draft(), [], on(Mode("busy", busy)))
    assert verdict == Refused("busy", "no", None)
    assert (pipeline.health("busy").overran, pipeline.health("busy").row) == (1, 1)


async def test_one_that_keeps_failing_is_suspended_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    pipeline = Pipeline(clock)
    broken = Mode("broken", RuntimeError("boom"), fail_open=False)
    other = Mode("other")
    with caplog.at_level(logging.ERROR, "metropole.chat"):
        for _ in range(FAILURES):
            assert isinstance(await pipeline.check(draft(), [], on(broken)), Refused)
    assert "broken is left out for 60 s" in caplog.text
    assert len(broken.log) == FAILURES
    verdict = await pipeline.check(draft(), [], on(broken))
    assert isinstance(verdict, Refused)
    assert verdict.retry_after == pytest.approx(SUSPENDED)
    assert len(broken.log) == FAILURES  # not asked
    broken.fail_open = True
    assert await say(pipeline, on(broken, other)) is None
    assert len(broken.log) == FAILURES
    assert [what for _, what, _ in other.log] == ["check", "accepted"]
    clock.advance(SUSPENDED)
    await pipeline.check(draft(), [], on(broken))
    assert len(broken.log) == FAILURES + 1
    await pipeline.check(draft(), [], on(broken))
    assert len(broken.log) == FAILURES + 1  # the first failure suspended it again
    clock.advance(SUSPENDED)
    broken.answer = Allow()
    assert await pipeline.check(draft(), [], on(broken)) == Passed("hello")
    assert pipeline.health("broken").row == 0


async def test_failures_must_be_in_a_row(pipeline: Pipeline) -> None:
    mode = Mode("moody")
    for _ in range(3 * FAILURES):
        for answer in (RuntimeError("boom"), RuntimeError("boom"), Allow()):
            mode.answer = answer
            await pipeline.check(draft(), [], on(mode))
    assert len(mode.log) == 9 * FAILURES


@pytest.mark.parametrize("wait", [RuntimeError("boom"), "soon", -1, float("nan"), True and "x"])
async def test_a_failing_accepted_keeps_no_message_back(pipeline: Pipeline, wait: Any) -> None:
    assert await say(pipeline, on(Mode("a", wait=wait), Mode("b", wait=3))) == 3
    assert pipeline.health("a").failed == 1


async def test_reasons_and_waits_are_bounded(pipeline: Pipeline) -> None:
    verdict = await pipeline.check(draft(), [], on(Mode(answer=Reject("x" * 5000, 1e30))))
    assert isinstance(verdict, Refused)
    assert len(verdict.reason) == 200
    assert verdict.retry_after == 7 * 24 * 3600
