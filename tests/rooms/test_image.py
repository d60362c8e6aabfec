"""Every kind of file that people drop into an app is read right or refused with a reason."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import InputError, OptionError, ShapeError
from core.image import (
    MAX_SIDE_PX,
    WHOLE_SIDE_PX,
    Box,
    behind_clear_parts,
    crop_box,
    laid_over,
    load_alpha,
    load_image,
    notes_of,
    pad_to_multiple,
    paste_back,
    resize,
    to_pil,
    to_tensor,
)
from tests.conftest import gradient_picture


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


RGB = gradient_picture()


def test_lossless_formats_come_back_exactly():
    for kind in ("PNG", "TIFF", "BMP", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        assert np.array_equal(np.asarray(load_image(encoded(RGB, kind, **options))), np.asarray(RGB)), kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = load_image(encoded(RGB, "PNG", exif=exif))
    sideways = orientation >= 5
    assert upright.size == (RGB.size[::-1] if sideways else RGB.size)
    if orientation == 6:
        assert np.array_equal(np.asarray(upright), np.rot90(np.asarray(RGB), -1))


def test_alpha_is_laid_over_the_background():
    clear = RGB.convert("RGBA")
    clear.putalpha(0)
    assert np.asarray(load_image(encoded(clear, "PNG"))).min() == 255
    with behind_clear_parts("black"):
        assert np.asarray(load_image(encoded(clear, "PNG"))).max() == 0


def test_a_colour_is_chosen_for_what_lies_behind_clear_parts():
    half = Image.new("RGBA", (32, 32), (200, 0, 0, 128))
    half.paste((0, 0, 200, 255), (0, 0, 16, 32))
    source = encoded(half, "PNG")
    with behind_clear_parts("green"):
        assert np.asarray(load_image(source))[0, 20].tolist() == [100, 64, 0]
    white = load_image(source)
    black = laid_over(white, "black")
    assert np.asarray(white)[0, 20].tolist() == [227, 127, 127]
    assert np.abs(np.asarray(black)[0, 20].astype(int) - [100, 0, 0]).max() <= 1
    assert np.abs(np.asarray(black)[0, 0].astype(int) - [0, 0, 200]).max() == 0
    assert laid_over(black, "black") is black and laid_over(RGB, "black") is RGB
    with pytest.raises(OptionError, match="did you mean 'green'"), behind_clear_parts("gren"):
        pass


def test_sixteen_bit_grey_keeps_its_range():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    got = np.asarray(load_image(encoded(Image.fromarray(ramp), "PNG")))
    assert got.shape == (64, 64, 3)
    assert abs(got[32, 0, 0] - 128) <= 1 and got.min() == 0 and got.max() == 255


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "RGBA"])
def test_every_mode_becomes_rgb(mode):
    picture = RGB.convert("RGB").convert("L").convert(mode) if mode in ("LA", "1", "I", "F") else RGB.convert(mode)
    got = load_image(picture)
    assert got.mode == "RGB" and got.size == RGB.size
    assert np.asarray(got).std() > 10


def test_palette_with_transparency_and_animation():
    palette = RGB.convert("P")
    assert load_image(encoded(palette, "PNG", transparency=3)).mode == "RGB"
    animated = encoded(RGB, "GIF", save_all=True, append_images=[Image.new("RGB", RGB.size)])
    assert np.asarray(load_image(animated)).mean() > 20


def test_arrays_and_floats():
    assert load_image(np.ones((20, 30))).getpixel((0, 0)) == (255, 255, 255)
    assert load_image(np.zeros((20, 30, 4), np.uint8)).getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(InputError, match="divide byte values"):
        load_image(np.full((20, 30, 3), 200.0))
    with pytest.raises(InputError, match="uint8"):
        load_image(np.zeros((20, 30, 3), np.int64))


@pytest.mark.slow
def test_fifty_megapixels_are_reduced():
    huge = encoded(Image.new("RGB", (8660, 5774), "red"), "JPEG", quality=30)
    got = load_image(huge)
    assert max(got.size) == 4096 and abs(got.size[0] / got.size[1] - 8660 / 5774) < 1e-3


@pytest.mark.slow
def test_the_limit_is_said_as_it_is_enforced():
    """A small file may hold many pixels: they are counted before any is read."""
    for side, words in ((9_000, "81.0 megapixels, 80 fit"), (14_000, "196.0 megapixels, 80 fit")):
        with pytest.raises(InputError, match=words):
            load_image(encoded(Image.new("1", (side, side)), "PNG"))
    assert load_image(encoded(Image.new("1", (8_900, 8_900)), "PNG"), max_side_px=64).size == (64, 64)
    large = encoded(Image.new("L", (9_000, 9_000), 128), "JPEG", quality=20)
    assert load_image(large, max_side_px=512).size == (512, 512)


def test_alpha_of_a_layer():
    layer = Image.new("RGBA", (40, 20))
    layer.paste((9, 9, 9, 200), (10, 0, 20, 20))
    alpha = load_alpha(encoded(layer, "PNG"), (80, 40))
    assert alpha.shape == (40, 80) and set(np.unique(alpha)) == {0, 200} and (alpha[:, 20:40] == 200).all()
    assert (load_alpha(encoded(RGB, "JPEG"), (8, 8)) == 255).all()


def png() -> bytes:
    return encoded(RGB, "PNG")


def jpeg() -> bytes:
    return encoded(RGB, "JPEG", quality=95)


MALFORMED = {
    "empty": b"",
    "one byte": b"\x89",
    "zeros": bytes(4096),
    "text": b"hello, I am not a picture",
    "html": b"<!doctype html><html><body>Sign in</body></html>",
    "json": b'{"error": "not found"}',
    "xml": b"<?xml version='1.0'?><a/>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'><rect width='64' height='64'/></svg>",
    "pdf": b"%PDF-1.4\n%%EOF",
    "zip": b"PK\x03\x04" + bytes(40),
    "gzip": b"\x1f\x8b\x08" + bytes(40),
    "elf": b"\x7fELF" + bytes(60),
    "mp4 head": b"\x00\x00\x00\x18ftypmp42" + bytes(64),
    "webp head": b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8),
    "gif head": b"GIF89a" + bytes(3),
    "bmp head": b"BM" + bytes(20),
    "tiff head": b"II*\x00" + bytes(4),
    "png magic only": b"\x89PNG\r\n\x1a\n",
    "png cut at half": png()[: len(png()) // 2],
    "png without end": png()[:-30],
    "png with a broken checksum": png()[:29] + b"\xff\xff\xff\xff" + png()[33:],
    "png claiming 2 gigapixels": png()[:16] + b"\x00\x00\xb0\x00\x00\x00\xb0\x00" + png()[24:],
    "jpeg cut at half": jpeg()[: len(jpeg()) // 2],
    "jpeg magic only": b"\xff\xd8\xff\xe0",
    "jpeg with a torn middle": jpeg()[:200] + jpeg()[700:-200],
    "gif cut": encoded(RGB, "GIF")[:60],
    "webp cut": encoded(RGB, "WEBP")[:80],
    "tiff cut": encoded(RGB, "TIFF")[:200],
    "bmp cut": encoded(RGB, "BMP")[:100],
    "1 x 1": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "2 x 900": encoded(Image.new("RGB", (2, 900)), "PNG"),
    "15 x 15": encoded(Image.new("RGB", (15, 15)), "PNG"),
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05hello\x94.",
    "null bytes then png": bytes(16) + png(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_are_refused_with_a_reason(name, tmp_path):
    path = tmp_path / "input.png"
    path.write_bytes(MALFORMED[name])
    for source in (path, MALFORMED[name]):
        with pytest.raises(InputError) as caught:
            load_image(source)
        assert len(str(caught.value)) > 30 and ":" in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InputError, match="check the path"):
            load_image(path)


def test_tensor_round_trip_is_exact_and_rounds():
    assert np.array_equal(np.asarray(to_pil(to_tensor(RGB))[0]), np.asarray(RGB))
    assert to_pil(torch.full((3, 20, 20), 0.4999))[0].getpixel((0, 0)) == (127, 127, 127)
    with pytest.raises(ShapeError):
        to_pil(torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize(("height", "width", "multiple"), [(5, 7, 8), (33, 64, 32), (1, 3, 16), (20, 30, 1)])
def test_pad_then_undo_is_the_identity(height, width, multiple):
    pictures = torch.rand(2, 3, height, width)
    padded, crop = pad_to_multiple(pictures, multiple)
    assert padded.shape[-2] % multiple == 0 and padded.shape[-1] % multiple == 0
    assert torch.equal(crop.undo(padded), pictures)


def test_symmetric_padding_repeats_the_edge_pixel():
    row = torch.tensor([1.0, 2, 3]).reshape(1, 1, 1, 3)
    padded, _ = pad_to_multiple(row, 8)
    assert padded[0, 0, 0].tolist() == [1, 2, 3, 3, 2, 1, 1, 2]


def test_crop_and_paste_back_leave_the_rest_alone():
    box = Box(10, 8, 34, 28)
    patch = crop_box(RGB, box, (24, 20))
    assert np.array_equal(np.asarray(patch), np.asarray(RGB)[8:28, 10:34])
    white = Image.new("RGB", patch.size, "white")
    pasted = np.asarray(paste_back(RGB, white, box)).astype(int)
    outside = np.ones(pasted.shape[:2], bool)
    outside[8:28, 10:34] = False
    assert np.array_equal(pasted[outside], np.asarray(RGB)[outside])
    assert (pasted[18, 22] == 255).all()
    assert np.abs(pasted[8, 10] - np.asarray(RGB)[8, 10]).max() < 100


def test_paste_back_at_the_edge_is_not_faded():
    white = Image.new("RGB", RGB.size, "white")
    assert np.asarray(paste_back(RGB, white, Box(0, 0, *RGB.size))).min() >= 254


def test_crop_beyond_the_picture_repeats_its_edge():
    got = np.asarray(crop_box(RGB, Box(-10, 0, 20, 32), (30, 32)))
    assert np.array_equal(got[:, 0], np.asarray(RGB)[:, 0])
    with pytest.raises(InputError, match="empty"):
        crop_box(RGB, Box(5, 5, 5, 9), (8, 8))


def test_resize_keeps_width_and_height_apart():
    assert resize(RGB, (20, 40)).size == (20, 40)


def jpeg_of(side_px: int = 64) -> bytes:
    data = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (side_px, side_px, 3), np.uint8)
    Image.fromarray(noise).save(data, "JPEG", quality=90)
    return data.getvalue()


def test_a_cut_jpeg_is_shown_and_said_and_still_said_when_it_is_handed_on():
    whole = jpeg_of()
    picture = load_image(whole[: len(whole) // 2])
    assert "cut off" in notes_of(picture)[0]
    assert notes_of(load_image(picture)) == notes_of(picture) and not notes_of(load_image(whole))


def test_a_jpeg_cut_before_its_first_row_is_refused():
    whole = jpeg_of()
    # The header of the scan: two bytes of marker, two of length, then as many as the length says.
    scan = whole.index(b"\xff\xda")
    head = whole[: scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4], "big")]
    with pytest.raises(InputError, match="cut off before its first row"):
        load_image(head)


def test_a_photo_for_a_local_edit_keeps_its_size():
    large = Image.new("RGB", (64, 5000))
    assert (
        load_image(large, max_side_px=WHOLE_SIDE_PX).size == (64, 5000) and max(load_image(large).size) == MAX_SIDE_PX
    )
