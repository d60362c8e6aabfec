"""The weights that ship: they load strictly and repaint an example person of ours."""

import pytest
import torch

from core.gfla.data.people import STUDIO_GREY
from core.gfla.options import PoseOptions
from core.gfla.pipeline import PosePipeline
from core.metrics import psnr
from core.ui.parts.examples import PEOPLE


@pytest.mark.slow
def test_an_example_is_repainted():
    pipe = PosePipeline.from_record("gfla-people", device="cpu", precision="float32")
    assert "preview" in pipe.weights_label
    prepared = pipe.prepare(
        PEOPLE / "ada.jpg", "walking", options=PoseOptions(height_px=128, painter="network", background="studio")
    )
    own, other = pipe.render(prepared, [0.0, 1.0])
    blank = torch.full_like(own, STUDIO_GREY)
    assert psnr(own[None], prepared.fine) > psnr(blank[None], prepared.fine) + 6, "the own pose gives the person back"
    person = (other - STUDIO_GREY).abs().amax(0) > 0.2
    assert 0.05 < person.float().mean() < 0.5
