"""The trainer: both objectives learn, a resumed run equals a whole one to the bit."""

import numpy as np
import pytest
import torch

from core.crossbreed.data.photos import read_folders, read_table
from core.crossbreed.data.sequences import SequenceFolders
from core.crossbreed.data.teacher import BigGANPairs, teacher_inputs
from core.crossbreed.options import CrossbreedTrainOptions
from core.crossbreed.paper.biggan import BigGANDeep
from core.crossbreed.paper.convert import folded
from core.crossbreed.paper.network import CrossbreedGenerator
from core.crossbreed.training.recipe import CrossbreedRecipe, export, open_source
from core.errors import InputError, OptionError, WeightsError
from core.training import train
from core.training.checkpoint import load, newest
from core.training.journal import read_curves
from core.weights import load_strict
from tests.crossbreed.tiny import SIZES, options, photos, picture, run, sequences

pytestmark = pytest.mark.slow


def states_equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(states_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(states_equal, a, b))
    return a == b


def test_copies_get_better(tmp_path):
    run(
        tmp_path,
        photos(),
        steps=30,
        lr=3e-3,
        reconstruction=10.0,
        adversarial=0.0,
        cycle=0.0,
        unit_scale=True,
        sample_every=30,
    )
    rows = read_curves(tmp_path)
    first, last = (np.mean([row["loss_G_rec"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.85 * first
    assert "loss_D" not in rows[0], "without adversarial terms the discriminator rests"
    assert (tmp_path / "samples" / "0000030.png").exists() and (tmp_path / "curves.png").exists()


def test_every_term_reaches_the_curves(tmp_path):
    run(tmp_path / "real", photos(window_px=48), steps=1)
    run(tmp_path / "teacher", sequences(), steps=1)
    shared = {"step", "loss_G", "loss_G_adv", "loss_G_rec", "loss_D", "loss_D_adv"}
    assert set(read_curves(tmp_path / "real")[0]) == shared | {
        "loss_G_edges",
        "loss_G_ssim",
        "loss_G_cycle",
        "loss_D_r1",
    }
    assert set(read_curves(tmp_path / "teacher")[0]) == shared | {
        "loss_G_adv_itp",
        "loss_G_rec_itp",
        "loss_D_adv_itp",
        "loss_D_gp",
    }


def test_generator_step_leaves_the_discriminator_alone(tmp_path):
    chosen = options(tmp_path, steps=1, lr_discriminator=0.0)
    recipe = CrossbreedRecipe(chosen, photos())
    before = {k: v.clone() for k, v in recipe.networks["discriminator"].named_parameters()}
    train(recipe, photos(), chosen)
    after = dict(recipe.networks["discriminator"].named_parameters())
    assert all(torch.equal(before[k], v) and v.requires_grad for k, v in after.items())


def test_export_folds_the_average(tmp_path):
    run(tmp_path / "run", photos())
    export(tmp_path / "run", tmp_path / "weights", "six smooth pictures")
    generator = load_strict(CrossbreedGenerator, tmp_path / "weights")
    assert generator.config.trained_on == "six smooth pictures" and not generator.config.spectral_norm
    spectral = CrossbreedGenerator(**SIZES, spectral_norm=True)
    spectral.load_state_dict(load(newest(tmp_path / "run"))["averages"]["generator"])
    x = photos().pictures[:2, :, :64, :64].float() / 127.5 - 1
    with torch.no_grad():
        assert torch.allclose(
            spectral.eval().decode(spectral.encode(x)), generator.decode(generator.encode(x)), atol=1e-5
        )
    with pytest.raises(WeightsError, match="run.json"):
        export(tmp_path, tmp_path / "none", "")


def test_init_takes_the_weights_of_another_run(tmp_path):
    run(tmp_path / "first", photos())
    recipe = CrossbreedRecipe(options(tmp_path / "second", init=str(tmp_path / "first"), seed=9), photos())
    stored = load(newest(tmp_path / "first"))["networks"]["generator"]
    assert states_equal(dict(recipe.networks["generator"].state_dict()), dict(stored))


def test_teacher_pairs():
    torch.manual_seed(0)
    teacher = folded(BigGANDeep(channel_width=8, spectral_norm=True))
    source = BigGANPairs(teacher, 64)
    a, b = (source.draw(np.random.default_rng(1), 2) for _ in range(2))
    assert len(source.classes) == 118 and a["mixed"].shape == (2, 3, 64, 64)
    assert all(torch.equal(a[name], b[name]) for name in a) and (a["class_a"] != a["class_b"]).all()
    assert a["x_a"].abs().max() <= 1 and 0 <= a["alpha"].min() <= a["alpha"].max() < 1
    with pytest.raises(OptionError, match="two ImageNet classes"):
        BigGANPairs(teacher, 64, first_class=5, last_class=5)


def test_noise_along_the_arc_keeps_its_ends():
    values = [torch.eye(4)[:1], torch.eye(4)[1:2], torch.tensor([0]), torch.tensor([5]), torch.tensor([0.5])]
    (straight, _), (arc, _) = (teacher_inputs(*values, arc=arc) for arc in (False, True))
    assert torch.allclose(straight[[0, 2]], arc[[0, 2]], atol=1e-6)
    assert straight[1].norm() < 0.8 and torch.allclose(arc[1].norm(), torch.tensor(1.0))


def test_photos_in_folders(tmp_path):
    for index, name in enumerate(["cat", "cat", "dog"]):
        (tmp_path / name).mkdir(exist_ok=True)
        picture(index).save(tmp_path / name / f"{index}.png")
    source = read_folders(tmp_path, 64, 48)
    batch = source.draw(np.random.default_rng(0), 8)
    assert source.classes == ["cat", "dog"] and source.labels.tolist() == [0, 0, 1]
    assert batch["x_a"].shape == (8, 3, 48, 48) and batch["x_a"].abs().max() <= 1
    with pytest.raises(InputError, match="at least 2"):
        read_folders(tmp_path / "cat", 64, 64)


def test_sequences_in_folders(tmp_path):
    for index in range(4):
        (tmp_path / "cat__dog").mkdir(exist_ok=True)
        picture(index).save(tmp_path / "cat__dog" / f"{index}.png")
    source = SequenceFolders.read(tmp_path, 64)
    batch = source.draw(np.random.default_rng(0), 16)
    assert source.classes == ["cat", "dog"]
    assert set(np.round(batch["alpha"].tolist(), 3)) == {0.333, 0.667}
    backwards = batch["class_a"] == 1
    assert backwards.any() and not backwards.all()
    forth, back = int((~backwards).nonzero()[0]), int(backwards.nonzero()[0])
    assert torch.equal(batch["x_a"][forth], batch["x_b"][back])
    with pytest.raises(InputError, match="one folder per sequence"):
        SequenceFolders.read(tmp_path / "cat__dog", 64)


def test_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("name,colour\na.jpg,red\n")
    with pytest.raises(InputError, match="columns file and species"):
        read_table(tmp_path / "t.csv", tmp_path / "t.zip", 64, 64)


def test_unknown_kind_of_data_is_refused():
    with pytest.raises(OptionError, match="sequences"):
        open_source(CrossbreedTrainOptions(), "videos", "")
