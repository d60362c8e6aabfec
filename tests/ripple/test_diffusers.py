"""A real diffusers pipeline, tiny and untrained, as the inpainter that is chosen by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import WeightsError
from core.ripple.components import choose_inpainter
from core.ripple.methods.repainting.compositing import repaint
from core.ripple.methods.repainting.inpainters import diffusers_inpainter
from core.ripple.options import RippleOptions

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ("<|startoftext|>", "<|endoftext|>")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion inpainting with random weights and an alphabet for a vocabulary, saved to a folder."""
    transformers = pytest.importorskip("transformers", reason="text-guided pipelines need `pip install transformers`")
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel

    folder = tmp_path_factory.mktemp("sd")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [","]
    vocabulary = {word: index for index, word in enumerate([*letters, *(x + "</w>" for x in letters), *WORDS])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    text = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=len(vocabulary), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            bos_token_id=len(vocabulary) - 2, eos_token_id=len(vocabulary) - 1, pad_token_id=len(vocabulary) - 1,
        )
    )  # fmt: skip
    narrow = {"block_out_channels": (32, 32), "layers_per_block": 1}
    pipeline = StableDiffusionInpaintPipeline(
        vae=AutoencoderKL(
            **narrow, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2
        ),
        text_encoder=text,
        tokenizer=transformers.CLIPTokenizer(
            str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
        ),
        unet=UNet2DConditionModel(
            **narrow, sample_size=32, in_channels=9, cross_attention_dim=32, attention_head_dim=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=DDIMScheduler(num_train_timesteps=20),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


@pytest.fixture
def picture() -> tuple[Image.Image, np.ndarray]:
    """A grey picture, wider than tall, and a hole in it."""
    hole = np.zeros((48, 64), np.uint8)
    hole[10:30, 20:40] = 255
    return Image.new("RGB", (64, 48), (90, 120, 150)), hole


def test_a_saved_pipeline_paints_the_hole_only(model: Path, picture: tuple[Image.Image, np.ndarray]) -> None:
    whole, hole = picture
    told: list[float] = []
    fill = diffusers_inpainter(str(model), steps=3, side_px=48)
    filled = np.asarray(fill(whole, hole, lambda share, _: told.append(share)))
    assert filled.shape == (48, 64, 3)
    assert (filled[hole == 0] == (90, 120, 150)).all()
    assert filled[hole > 0].std() > 1
    assert told == [0, 1 / 3, 2 / 3]
    assert np.array_equal(filled, np.asarray(fill(whole, hole, lambda *_: None)))
    other = diffusers_inpainter(str(model), steps=3, side_px=48, seed=1)
    assert not np.array_equal(filled, np.asarray(other(whole, hole, lambda *_: None)))


def test_it_is_chosen_by_name_and_cleans_an_edit(
    model: Path, picture: tuple[Image.Image, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, hole = picture
    monkeypatch.setattr(diffusers_inpainter, "__defaults__", ("empty scene", 2, 0, 48))
    fill, label = choose_inpainter(f"diffusers:{model}")
    assert label == f"repainted by diffusers:{model}"
    clean = np.asarray(repaint(whole, hole, fill, RippleOptions(feather_px=0.0, inpaint_px=64)))
    assert (clean[hole == 0] == (90, 120, 150)).all()
    assert clean[hole > 0].std() > 1


def test_a_pipeline_that_takes_no_mask_is_refused(tmp_path: Path, picture: tuple[Image.Image, np.ndarray]) -> None:
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        8,
        block_out_channels=(32,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="DDPMPipeline, which takes no image, mask_image, prompt"):
        diffusers_inpainter(str(tmp_path))(*picture, lambda *_: None)
