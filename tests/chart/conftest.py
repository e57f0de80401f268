"""Both helms that people have."""

import shutil

import pytest

from tests.chart.rendered import Helm
from tests.conftest import BakedProject


@pytest.fixture(params=["helm", "helm3"])
def helm(request: pytest.FixtureRequest, project: BakedProject) -> Helm:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    return Helm(request.param, project.path)
