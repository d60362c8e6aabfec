"""The official configuration file: what it sets, what wins over it, what it may not say."""

import json

import pytest
from PIL import Image

from core.cli import main
from core.crossbreed.paper.config import morph_values, read_config, training_values
from core.errors import InputError, OptionError
from core.weights import save_model
from tests.crossbreed.tiny import picture, pipeline

PUBLISHED = """img_size: 128
biggan_model: 128
batch_size: 2
truncation: 0.25
n_inter: 100
max_epochs: 2000
num_workers: 8
which_best: FID
gen: {n_f: 32, n_cont_down: 3, n_cont_res_blks: 3, n_style_down: 6, n_style_res_blks: 0, n_mlp_f: 512, n_mlp_blks: 3}
dis: {n_res: 4, n_f: 32}
adv_w: 1
rec_w: 0.1
gp_w: 1
G_lr: 1e-4
D_lr: 4e-4
beta1: 0.5
beta2: 0.999
eps: 1e-8
log_freq: 50
checkpoint_freq: 100
root_dir: ./train_dir/
checkpoints: nc_final/best_00174000.pt
out_path: ./test_outdir/out.png
"""


def written(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_published_file_is_understood_whole(tmp_path):
    config = read_config(written(tmp_path, PUBLISHED))
    values = training_values(config)
    assert values == {
        "img_size": 128, "batch": 2, "truncation": 0.25, "adversarial": 1, "reconstruction": 0.1, "penalty": 1,
        "lr": 1e-4, "lr_discriminator": 4e-4, "log_every": 50, "save_every": 100, "n_f": 32, "n_mlp_f": 512,
        "n_mlp_blks": 3, "n_res": 4, "steps": 200_000, "max_style_f": 2048, "out": "train_dir/nc_final",
    }  # fmt: skip
    found = morph_values(config)
    assert found["size_px"] == 128 and str(found["out"]) == "test_outdir"
    assert found["checkpoint"] == "train_dir/nc_final/best_00174000.pt"


def test_published_values_are_the_defaults(tmp_path):
    from core.crossbreed.options import CrossbreedTrainOptions

    values = training_values(read_config(written(tmp_path, PUBLISHED)))
    defaults = CrossbreedTrainOptions()
    ours = {name: value for name, value in values.items() if name not in ("steps", "log_every", "save_every", "out")}
    assert ours == {name: getattr(defaults, name) for name in ours}


def test_morph_takes_it_and_flags_win(tmp_path, capsys):
    save_model(pipeline().generator, tmp_path / "train_dir" / "weights")
    for index, name in enumerate("ab"):
        picture(index).save(tmp_path / f"{name}.png")
    text = f"img_size: 64\nroot_dir: {tmp_path}/train_dir\ncheckpoints: weights\nout_path: {tmp_path}/made/out.png\n"
    words = ["--json", "crossbreed", "morph", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--crop", "middle"]
    words += ["-c", str(written(tmp_path, text)), "--niter", "0"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(tmp_path / "made") and (tmp_path / "made" / "out_tensor(1.).png").is_file()
    assert main([*words, "--out", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "x_A.png").is_file()


def test_a_flag_wins_though_it_is_equal_to_its_default(tmp_path, capsys):
    """img_size 64 in the file, --size-px 256 (the default) on the command line."""
    save_model(pipeline().generator, tmp_path / "weights")
    for index, name in enumerate("ab"):
        picture(index).save(tmp_path / f"{name}.png")
    text = f"img_size: 64\nroot_dir: {tmp_path}\ncheckpoints: weights\nout_path: {tmp_path}/made/out.png\n"
    words = ["--json", "crossbreed", "morph", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--crop", "middle"]
    words += ["-c", str(written(tmp_path, text)), "--niter", "0"]
    for more, side in (([], 64), (["--size-px", "256"], 256)):
        assert main([*words, *more]) == 0
        assert Image.open(tmp_path / "made" / "x_A.png").size == (side, side)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("gen: {n_cont_down: 2}", OptionError, "only 3"),
        ("colour: 1", OptionError, "'colour'"),
        ("G_lr: fast", OptionError, "a number fits"),
        ("- 1", InputError, "no table"),
        ("a: [", InputError, "cannot be read"),
        ("img_size: .inf", OptionError, "a number fits"),
    ],
)
def test_mistakes_are_told(tmp_path, text, error, said):
    with pytest.raises(error, match=said):
        read_config(written(tmp_path, text))


def test_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
