"""Colours, time and shape come out as they went in: pictures with profiles, clips with tags, clocks and turns."""

from __future__ import annotations

import io
import subprocess
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from core.errors import ExportError, InputError
from core.image import load_image, notes_of, read_image, with_alpha
from core.video import Encoding, TimedFrame, read_video, write_picture, write_video
from core.video.sound import Sound
from tests.conftest import gradient_picture

BARS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (198, 134, 110), (60, 60, 60), (255, 255, 255), (0, 0, 0))


def ffmpeg(*arguments: object) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def bars(width: int = 256, height: int = 64) -> Image.Image:
    array = np.zeros((height, width, 3), np.uint8)
    for index, colour in enumerate(BARS):
        array[:, index * width // 8 : (index + 1) * width // 8] = colour
    return Image.fromarray(array)


def farthest(picture: Image.Image) -> int:
    """The largest difference of a bar's middle from what it should be, of 255."""
    array, step = np.asarray(picture.convert("RGB")).astype(int), picture.width // 8
    middles = [array[picture.height // 2, index * step + step // 2] for index in range(8)]
    return int(np.abs(np.array(middles) - np.array(BARS)).max())


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def described(profile: bytes) -> str:
    return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))


def profile_of(gamma: float) -> ImageCms.ImageCmsProfile:
    """An RGB profile with sRGB's primaries and another curve, made from sRGB's by rewriting its curve tags."""
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = raw.index(b"para")
    # 'para' with function type 0 is Y = X ** g, g as s15Fixed16.
    raw[at + 8 : at + 10] = (0).to_bytes(2, "big")
    raw[at + 12 : at + 16] = round(gamma * 65536).to_bytes(4, "big")
    return ImageCms.ImageCmsProfile(io.BytesIO(bytes(raw)))


def test_an_embedded_profile_is_honoured():
    linear = profile_of(1.0)
    light = Image.new("RGB", (32, 32), (55, 55, 55))
    got = load_image(encoded(light, icc_profile=linear.tobytes()))
    # 55/255 of linear light is 0.5029 in sRGB's curve (IEC 61966-2-1).
    assert np.abs(np.asarray(got).astype(int) - 128).max() <= 1
    assert "colours converted" in notes_of(got)[0]


def test_srgb_profiles_change_nothing_and_damaged_ones_are_said():
    picture = gradient_picture()
    same = load_image(encoded(picture, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    assert np.array_equal(np.asarray(same), np.asarray(picture)) and notes_of(same) == ()
    broken = load_image(encoded(picture, icc_profile=b"nonsense" * 40))
    assert np.array_equal(np.asarray(broken), np.asarray(picture)) and "profile" in notes_of(broken)[0]


def test_cmyk_without_a_profile_follows_the_stated_formula():
    got = load_image(encoded(Image.new("CMYK", (32, 32), (0, 128, 255, 64)), "TIFF"))
    assert np.abs(np.asarray(got)[0, 0].astype(int) - (191, 95, 0)).max() <= 2
    assert "device formula" in notes_of(got)[0]


def test_heic_and_avif_are_read_under_any_name_and_turned_once(tmp_path):
    picture = gradient_picture(96, 64)
    exif = Image.Exif()
    exif[0x0112] = 6
    pillow_heif.from_pillow(picture).save(tmp_path / "a.heic", quality=95)
    (tmp_path / "a.heic").rename(tmp_path / "a.jpg")
    # Pillow writes the turn as AVIF's own property, which is what counts, and as EXIF.
    (tmp_path / "b.png").write_bytes(encoded(picture, "AVIF", exif=exif, quality=95))
    for name, wanted in (("a.jpg", picture), ("b.png", picture.transpose(Image.Transpose.ROTATE_270))):
        got = load_image(tmp_path / name)
        assert got.size == wanted.size
        assert np.abs(np.asarray(got).astype(int) - np.asarray(wanted)).mean() < 8


def test_the_depth_of_the_file_decides_not_its_brightest_pixel():
    dark = Image.fromarray(np.full((32, 32), 200, np.uint16))
    assert np.asarray(load_image(encoded(dark))).max() == 1  # 200 of 65535
    assert np.asarray(load_image(encoded(Image.fromarray(np.full((32, 32), 0.25, np.float32)), "TIFF")))[0, 0, 0] == 64
    with pytest.raises(InputError, match="floating-point values from 300"):
        load_image(encoded(Image.fromarray(np.full((32, 32), 300, np.float32)), "TIFF"))


def test_text_never_costs_the_picture():
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 10), zip=True)
    picture = gradient_picture()
    got = load_image(encoded(picture, pnginfo=info))
    assert np.array_equal(np.asarray(got), np.asarray(picture)) and "text notes" in notes_of(got)[0]


def test_a_cut_jpeg_is_shown_with_a_warning_and_a_cut_png_is_refused():
    picture = gradient_picture(256, 256)
    data = encoded(picture, "JPEG", quality=95)
    got = load_image(data[: len(data) * 2 // 3])
    assert "cut off" in notes_of(got)[0] and got.size == picture.size
    assert np.abs(np.asarray(got)[:64].astype(int) - np.asarray(picture)[:64]).mean() < 4
    with pytest.raises(InputError, match="damaged PNG"):
        load_image(encoded(picture)[:-300])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\x0a" + bytes(60), "JPEG XL"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG drawing"),
        (b"%PDF-1.7\n" + bytes(60), "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\0\0\0\x18ftypisom" + bytes(60), "a video"),
        (b"ID3\x03" + bytes(60), "a sound file"),
        (b"<html>", "web page"),
        (b"", "an empty file"),
    ],
)
def test_what_is_no_picture_is_named(data, said):
    with pytest.raises(InputError, match=said):
        load_image(data)


def test_alpha_is_carried_and_exports_are_tagged(tmp_path):
    picture = gradient_picture(64, 64).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((64, 64)))
    loaded = read_image(encoded(picture))
    assert loaded.alpha is not None
    assert np.array_equal(np.asarray(with_alpha(loaded.picture, loaded.alpha))[..., 3], np.asarray(picture)[..., 3])
    with Image.open(write_picture(with_alpha(loaded.picture, loaded.alpha), tmp_path / "a.png")) as saved:
        assert saved.mode == "RGBA" and "sRGB" in described(saved.info["icc_profile"]) and not saved.getexif()


@pytest.mark.parametrize("kind", ["mp4", "webm", "mov", "gif"])
@pytest.mark.parametrize("size", [(256, 64), (1280, 720)])
def test_colours_survive_writing_and_reading(tmp_path, kind, size):
    if kind == "gif" and size[0] > 256:
        pytest.skip("one size shows it")
    path = write_video([bars(*size)] * 2, tmp_path / f"a.{kind}", 25)
    assert all(farthest(frame) <= 3 for frame in read_video(path).frames())


@pytest.mark.parametrize(
    ("matrix", "tag", "size"),
    [
        ("bt709", "bt709", (256, 64)),
        ("bt709", "unknown", (1280, 720)),
        ("bt601", "unknown", (256, 64)),
        ("bt601", "smpte170m", (1280, 720)),
    ],
)
@pytest.mark.parametrize("span", ["pc", "tv"])
def test_tagged_and_untagged_clips_are_read_as_browsers_do(tmp_path, matrix, tag, size, span):
    bars(*size).save(tmp_path / "bars.png")
    scale = f"scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd+full_chroma_int,format=yuv444p"
    tags = f"setparams=colorspace={tag}:color_primaries=unknown:color_trc=unknown:range={span if span == 'pc' else 'unknown'}"
    ffmpeg(
        "-loop", 1, "-i", tmp_path / "bars.png", "-frames:v", 2, "-vf", f"{scale},{tags}", "-c:v", "libx264", "-qp", 0,
        tmp_path / "a.mp4",
    )  # fmt: skip
    assert all(farthest(frame) <= 3 for frame in read_video(tmp_path / "a.mp4").frames())


def test_a_variable_rate_keeps_its_clock(tmp_path):
    times = [Fraction(n, 1000) for n in (0, 33, 100, 133, 400, 433, 500)]
    frames = [
        TimedFrame(Image.new("RGB", (64, 48), (40 * i, 0, 0)), start, end)
        for i, (start, end) in enumerate(zip(times, times[1:], strict=False))
    ]
    for kind in ("mp4", "webm", "mov", "gif", "png", "webp"):
        path = write_video(frames, tmp_path / f"a.{kind}", 12)
        if kind in ("png", "webp"):
            with Image.open(path) as shown:
                lengths = []
                for index in range(shown.n_frames):
                    shown.seek(index)
                    shown.load()
                    lengths.append(shown.info["duration"])
            assert sum(lengths) == pytest.approx(500, abs=2)
            continue
        clip = read_video(path)
        assert clip.variable and float(clip.end_s) == pytest.approx(0.5, abs=0.011 if kind == "gif" else 0.002)
        assert np.abs(np.array([float(t) for t in clip.times_s]) - [float(t) for t in times[:-1]]).max() < 0.006


def test_a_gif_never_steps_below_twenty_milliseconds(tmp_path):
    pictures = [Image.new("RGB", (32, 32), (4 * index, 0, 0)) for index in range(60)]
    clip = read_video(write_video(pictures, tmp_path / "a.gif", 120))
    steps = [float(b - a) for a, b in zip(clip.times_s, clip.times_s[1:], strict=False)]
    assert min(steps) >= 0.0199 and float(clip.end_s) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), 23.976, 29.97, 59.94])
def test_rates_are_exact_fractions(tmp_path, fps):
    clip = read_video(write_video([bars(64, 48)] * 5, tmp_path / "a.mp4", fps))
    assert clip.rate.denominator == 1001 and clip.rate.numerator % 1000 == 0 and not clip.variable


@pytest.mark.parametrize(("turn", "wanted"), [(90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
def test_turned_clips_stand_upright(tmp_path, turn, wanted):
    """Against ffmpeg's own turning of the same file."""
    gradient_picture(64, 48).save(tmp_path / "a.png")
    ffmpeg(
        "-loop",
        1,
        "-i",
        tmp_path / "a.png",
        "-frames:v",
        1,
        "-c:v",
        "libx264",
        "-qp",
        0,
        "-pix_fmt",
        "yuv444p",
        tmp_path / "a.mp4",
    )
    ffmpeg("-display_rotation", turn, "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "b.mp4")
    ffmpeg("-i", tmp_path / "b.mp4", "-frames:v", 1, tmp_path / "b.png")
    frame = next(read_video(tmp_path / "b.mp4").frames())
    assert frame.size == wanted
    assert np.abs(np.asarray(frame).astype(int) - np.asarray(Image.open(tmp_path / "b.png"))).mean() < 2


def test_shape_fields_and_hdr(tmp_path):
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2"]
    ffmpeg(*source, "-vf", "setsar=2", "-c:v", "libx264", tmp_path / "wide.mp4")
    clip = read_video(tmp_path / "wide.mp4")
    assert clip.size_px == (128, 48) and next(clip.frames()).size == (128, 48) and "2:1" in clip.notes[0]
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x48:rate=50:duration=0.4",
        "-vf",
        "interlace",
        "-c:v",
        "mpeg2video",
        "-flags",
        "+ilme+ildct",
        tmp_path / "fields.mpg",
    )
    clip = read_video(tmp_path / "fields.mpg")
    assert any("interlaced" in note for note in clip.notes) and len(list(clip.frames())) == len(clip.times_s)
    # A grey of 203 cd/m2 in PQ (code 0.5807, BT.2408) is reference white: bright, not burnt out, not grey.
    level = round(64 + 0.5807 * 876)
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        f"color=size=64x48:rate=25:duration=0.1,format=yuv420p10le,geq=lum={level}:cb=512:cr=512",
        "-c:v",
        "libx265",
        "-x265-params",
        "lossless=1:log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
        tmp_path / "pq.mp4",
    )
    clip = read_video(tmp_path / "pq.mp4")
    white = np.asarray(next(clip.frames())).astype(int)
    assert "HDR" in clip.notes[0] and 225 <= white.min() <= white.max() <= 250


def test_alpha_survives_in_clips(tmp_path):
    clear = bars(64, 48).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((64, 48)))
    for kind in ("webm", "mov"):
        clip = read_video(write_video([clear] * 2, tmp_path / f"a.{kind}", 25))
        frame = next(clip.timed_frames(alpha=True)).picture
        assert clip.has_alpha and frame.mode == "RGBA"
        assert np.abs(np.asarray(frame)[..., 3].astype(int) - np.asarray(clear)[..., 3]).max() <= 3


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """One second with two sound tracks and subtitles; the sound begins with the file, the picture 0.2 s later."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,900\nhello\n")
    ffmpeg("-f", "lavfi", "-itsoffset", 0.2, "-i", "testsrc2=size=64x48:rate=25:duration=0.8", "-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "sine=440:duration=1", "-i", folder / "a.srt", "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-c:s", "mov_text", folder / "film.mp4")  # fmt: skip
    return folder / "film.mp4"


def streams(path) -> dict[str, list[tuple[float, float]]]:
    import av

    found: dict[str, list[tuple[float, float]]] = {}
    with av.open(str(path)) as container:
        for stream in container.streams:
            start = float((stream.start_time or 0) * stream.time_base)
            found.setdefault(stream.type, []).append((start, start + float((stream.duration or 0) * stream.time_base)))
    return found


def test_all_tracks_go_along_in_step(film, tmp_path):
    clip = read_video(film)
    assert float(clip.times_s[0]) == pytest.approx(0.2, abs=0.03)
    notes: list[str] = []
    made = streams(write_video(clip.timed_frames(), tmp_path / "a.mp4", clip.rate, audio=film, notes=notes))
    assert len(made["audio"]) == 2 and len(made["subtitle"]) == 1 and notes == []
    assert made["video"][0][1] == pytest.approx(1.0, abs=0.04)
    assert all(end == pytest.approx(1.0, abs=0.03) for _, end in made["audio"])
    slow = streams(write_video(clip.timed_frames(), tmp_path / "b.mp4", clip.rate, audio=Sound(film, tempo=0.25)))
    assert slow["audio"][0][1] == pytest.approx(4.0, abs=0.1)


def test_a_broken_track_costs_the_sound_and_is_said(film, tmp_path):
    data = bytearray(film.read_bytes())
    start = data.index(b"mdat") + 4
    import av

    with av.open(str(film)) as container:
        for packet in container.demux(container.streams.audio):
            if packet.pos and packet.size:
                data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    assert start
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    notes: list[str] = []
    made = write_video(
        read_video(broken).timed_frames(), tmp_path / "a.mp4", 25, audio=Sound(broken, tempo=0.5), notes=notes
    )
    assert len(list(read_video(made).frames())) == 20 and any("cannot be read" in note for note in notes)


def test_encodings_fit_their_container_or_are_refused(tmp_path):
    for kind, codec in (("mp4", "h265"), ("mov", "h264")):
        path = write_video([bars(64, 48)] * 2, tmp_path / f"{codec}.{kind}", 25, encoding=Encoding(codec, 10, True))
        assert farthest(next(read_video(path).frames())) <= 3
    from core.errors import OptionError

    for encoding, said in ((Encoding("h264"), "vp9"), (Encoding("vp9", 18, True), "10 bits")):
        with pytest.raises(OptionError, match=said):
            write_video([bars()] * 2, tmp_path / "a.webm", 25, encoding=encoding)


def test_animations_say_what_they_hold(tmp_path, monkeypatch):
    from core.video import animations

    monkeypatch.setattr(animations, "MAX_ANIMATION_FRAMES", 3)
    for kind in ("gif", "webp", "png"):
        with pytest.raises(ExportError, match="hold 3 frames"):
            write_video([bars(64, 48)] * 4, tmp_path / f"a.{kind}", 25)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_clip_is_named(tmp_path):
    bars().save(tmp_path / "picture.mp4", "PNG")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", tmp_path / "sound.mp3")
    (tmp_path / "sound.mp3").rename(tmp_path / "sound.mp4")
    for name, said in (("picture.mp4", "still picture"), ("sound.mp4", "sound file")):
        with pytest.raises(InputError, match=said):
            read_video(tmp_path / name)
