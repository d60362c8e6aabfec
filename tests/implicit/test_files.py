"""Landmark files, experiment files, published weights, saved fits, batches."""

import json
import pickle

import numpy as np
import pytest
import torch
import yaml

from core.errors import InputError, WeightsError
from core.implicit.data.fit_folder import is_finished, load_fit, load_published_fit, save_fit
from core.implicit.options import ImageFitOptions, ImplicitOptions
from core.implicit.paper.convert import is_raw, load_published, save_published
from core.implicit.paper.experiment import (
    Experiment,
    find_picture,
    make_experiment,
    read_experiment,
    read_pairs,
    write_experiment,
)
from core.implicit.paper.image_network import draw_image, fit_image
from core.implicit.paper.landmark_files import read_landmarks, write_landmarks
from core.implicit.paper.network import Siren, folded
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.implicit.pipeline import ImplicitMorphPipeline
from core.implicit.training.batch import Job, run_jobs
from tests.implicit.published import FOLDER, fill_state_dict

SIZE = (64, 48)
POINTS = np.array([[1.5, 2.5], [60.25, 40.0], [32.0, 24.0]])


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_landmarks_come_back(tmp_path, suffix):
    path = write_landmarks(POINTS, tmp_path / f"marks{suffix}", SIZE)
    assert np.abs(read_landmarks(path, SIZE) - POINTS).max() < 1e-4
    twice = read_landmarks(path, (128, 96))
    assert np.abs(twice - 2 * POINTS).max() < 1e-3, "the same places of a larger copy"


def test_published_dat_and_tem(tmp_path):
    published = (2 * POINTS / SIZE - 1)[:, ::-1]
    (tmp_path / "a.dat").write_bytes(pickle.dumps(np.ascontiguousarray(published)))
    assert np.abs(read_landmarks(tmp_path / "a.dat", SIZE) - POINTS).max() < 1e-9
    lines = "\n".join(f"{x}\t{y}" for x, y in POINTS)
    (tmp_path / "a.tem").write_text(f"3\n{lines}\n1\n0\n3\n0 1 2\n")
    assert np.array_equal(read_landmarks(tmp_path / "a.tem", SIZE), POINTS)


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_dat_file_cannot_run_code(tmp_path, capsys):
    (tmp_path / "evil.dat").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="refused"):
        read_landmarks(tmp_path / "evil.dat", SIZE)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.json", "{"), ("a.json", '{"x": 1}'), ("a.json", "[[1, 2, 3]]"), ("a.json", "[[NaN, 1]]"), ("a.yaml", "a: ["),
        ("a.yaml", "1"), ("a.yaml", "{loss: {}}"), ("a.tem", ""), ("a.tem", "5\n1 2"), ("a.tem", "x"), ("a.dat", "x"),
        ("a.txt", "1 2"),
    ],
)  # fmt: skip
def test_damaged_landmark_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name.replace(".", "\\.") + "|YAML|announces"):
        read_landmarks(tmp_path / name, SIZE)


def test_missing_landmark_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_landmarks(tmp_path / "none.json", SIZE)


def test_experiments_come_back(tmp_path):
    recipe = WarpRecipe(hidden_features=(20, 10), omega_0=16, omega_w=16, steps=30, samples=50, times=(0.2, 0.8))
    wanted = Experiment(
        "a-b", tmp_path / "a.png", tmp_path / "b.png", POINTS / 100, POINTS / 99, recipe, (40, 30), 7, 12
    )
    found = read_experiment(write_experiment(wanted, tmp_path / "a-b.yaml"))
    assert found.recipe == recipe
    assert (found.frame_dims, found.frames, found.fps, found.first) == ((40, 30), 7, 12, wanted.first)
    assert np.array_equal(found.sources, wanted.sources)


def test_published_configuration_with_texts_for_numbers(tmp_path):
    data = {
        "initial_conditions": {"0": "x.png", "1": "y.pth"},
        "loss": {"constraint_weights": {"data_constraint": "1e4", "TPS_constraint": "0"}, "intermediate_times": []},
        "network": {"hidden_layers": [128, 128], "omega_0": "24"}, "training": {"n_steps": 100},
    }  # fmt: skip
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(data))
    recipe = read_experiment(tmp_path / "e.yaml").recipe
    assert recipe.weights.data_constraint == 1e4 and recipe.weights.TPS_constraint == 0
    assert recipe.times == (0.25, 0.5, 0.75) and recipe.omega_w == 24 and recipe.warmup_steps == 10


@pytest.mark.parametrize("content", ["", "1", "{}", "initial_conditions: {0: a}", "loss: ["])
def test_damaged_experiments(tmp_path, content):
    (tmp_path / "e.yaml").write_text(content)
    with pytest.raises(InputError, match="e.yaml"):
        read_experiment(tmp_path / "e.yaml")


def test_pair_lists(tmp_path, heads):
    (tmp_path / "pairs.txt").write_text(
        f"# first second\n{heads[0].stem} {heads[1].stem}\n\n{heads[1].stem},{heads[0].name}\n"
    )
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert len(pairs) == 2
    written = [make_experiment(*pair, heads[0].parent, tmp_path / "out") for pair in pairs]
    assert written[0].name == f"{heads[0].stem}-{heads[1].stem}.yaml"
    assert read_experiment(written[0]).first == heads[0].resolve()
    with pytest.raises(InputError, match="no picture nobody"):
        find_picture(tmp_path, "nobody")
    (tmp_path / "bad.txt").write_text("one two three")
    with pytest.raises(InputError, match="line 1"):
        read_pairs(tmp_path / "bad.txt")


def test_published_weights_come_back_and_raw_ones_are_told_apart(tmp_path):
    torch.manual_seed(0)
    network, x = Siren(hidden_features=[32, 32]), torch.rand(9, 3)
    assert is_raw(network.state_dict()) and not is_raw(folded(network).state_dict())
    with torch.no_grad():
        same = load_published(save_published(network, tmp_path / "weights.pth"))
        assert same.config.omega_0 == 1 and (same(x) - network(x)).abs().max() < 1e-5
        raw = save_published(network, tmp_path / "checkpoint_100.pth", raw=True)
        with pytest.raises(WeightsError, match="config.yaml"):
            load_published(raw)
        assert (load_published(raw, (24, 24))(x) - network(x)).abs().max() < 1e-6
        write_experiment(Experiment("e", tmp_path, tmp_path), tmp_path / "config.yaml")
        assert (load_published(raw)(x) - network(x)).abs().max() < 1e-6


def test_foreign_weights_are_refused(tmp_path):
    state = fill_state_dict(FOLDER / "warp_fill.manifest.json")
    old = {f"net.{key}": tensor for key, tensor in state.items()}
    torch.save(old, tmp_path / "old.pth")
    assert load_published(tmp_path / "old.pth").config.in_features == 3
    for name, content in {
        "stages": {"stages": {"a": 1}}, "other": {"conv.weight": torch.zeros(1)}, "cut": dict(list(state.items())[:3]),
        "list": [1], "empty": {},
    }.items():  # fmt: skip
        torch.save(content, tmp_path / f"{name}.pth")
        with pytest.raises(WeightsError):
            load_published(tmp_path / f"{name}.pth")


@pytest.mark.slow
def test_saved_fits_come_back(tmp_path, heads):
    pipe = ImplicitMorphPipeline()
    done = pipe.prepare(*heads[:2], options=ImplicitOptions(size_px=96, outline=False))
    folder = save_fit(done, tmp_path / "fit")
    again = load_fit(folder)
    assert again.key == done.key and is_finished(folder)
    assert (pipe.render(again, [0.5]) - pipe.render(done, [0.5])).abs().max() < 1e-5
    (folder / "fit.json").write_text(json.dumps({"options": {}}))
    with pytest.raises(InputError, match="damaged"):
        load_fit(folder)
    with pytest.raises(InputError, match="no fitted morph"):
        load_fit(tmp_path)


def test_published_results_are_rendered(tmp_path, heads):
    pipe = ImplicitMorphPipeline()
    options = ImplicitOptions(size_px=64, outline=False, recipe="published", published_steps=2, published_samples=200)
    done = pipe.prepare(*heads[:2], options=options)
    folder = save_fit(done, tmp_path / "pub")
    published = load_published_fit(folder / "config.yaml")
    assert (pipe.render(published, [0.5]) - pipe.render(done, [0.5])).abs().max() < 0.02
    assert (pipe.render(load_fit(folder), [0.5]) - pipe.render(done, [0.5])).abs().max() < 0.01


@pytest.mark.slow
def test_batches_skip_what_is_finished_and_go_on_after_a_failure(tmp_path, heads):
    options = ImplicitOptions(outline=False)
    good = Experiment("good", heads[0], heads[1], frame_dims=(64, 64), frames=2)
    bad = Experiment("bad", heads[0], tmp_path / "none.png")
    jobs = [Job(good, options, tmp_path, times=(0.5,)), Job(bad, options, tmp_path)]
    states = [r["state"] for r in run_jobs(jobs)]
    assert states == ["done", "failed"]
    assert (tmp_path / "good" / "video.mp4").stat().st_size > 0 and (
        tmp_path / "good" / "frame_0.5_layers.png"
    ).is_file()
    assert [r["state"] for r in run_jobs(jobs[:1], skip_finished=True)] == ["skipped"]
    with pytest.raises(InputError, match="same name"):
        run_jobs([jobs[0], jobs[0]])


def test_training_repeats_itself_and_lowers_its_loss():
    torch.manual_seed(0)
    source = torch.rand(6, 2) - 0.5
    recipe = WarpRecipe(steps=40, samples=128, warmup_steps=5, hidden_features=(24, 24))
    a, b = (train_warp(source, source + 0.05, recipe) for _ in range(2))
    assert torch.equal(a.terms, b.terms)
    assert a.terms[-1].sum() < a.terms[0].sum() and a.best_step > 5


def test_a_photograph_becomes_a_network():
    colours = torch.rand(36, 3, generator=torch.Generator().manual_seed(0))
    from core.implicit.paper.coordinates import pixel_grid

    options = ImageFitOptions(steps=150, width=32, layers=2, omega=20, learning_rate=5e-3)
    network, losses = fit_image(pixel_grid((6, 6)), colours, options)
    assert losses[-10:].mean() < 0.2 * losses[0]
    assert draw_image(network, (13, 21)).shape == (13, 21, 3)
    with pytest.raises(InputError):
        fit_image(pixel_grid((6, 6)), colours[:-1], options)
