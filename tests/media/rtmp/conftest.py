from __future__ import annotations

import pytest

from tests.support.rtmp_encoder import Publisher


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()
