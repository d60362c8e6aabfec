"""What a browser cannot draw is sent to its pages as JPEG, and to programs as it is."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import gradient_picture

BROWSER = {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}


@pytest.mark.parametrize(("name", "kind"), [("phone.heic", "HEIF"), ("print.tif", "TIFF")])
def test_a_page_sees_what_browsers_cannot_draw(server, name, kind):
    written = io.BytesIO()
    gradient_picture(96, 64).save(written, kind)
    api = f"{server.rstrip('/')}/gradio_api"
    (path,) = httpx.post(f"{api}/upload", files={"files": (name, written.getvalue())}).json()
    seen = httpx.get(f"{api}/file={path}", headers=BROWSER)
    assert seen.headers["content-type"] == "image/jpeg" and seen.headers["vary"] == "Accept"
    drawn = np.asarray(Image.open(io.BytesIO(seen.content)), int)
    assert drawn.shape == (64, 96, 3) and np.abs(drawn - np.asarray(gradient_picture(96, 64), int)).mean() < 4
    assert httpx.get(f"{api}/file={path}").content == written.getvalue()


def test_what_browsers_draw_and_what_may_not_be_seen_stays_as_it_was(server, tmp_path):
    written = io.BytesIO()
    gradient_picture().save(written, "PNG")
    api = f"{server.rstrip('/')}/gradio_api"
    (path,) = httpx.post(f"{api}/upload", files={"files": ("a.png", written.getvalue())}).json()
    assert httpx.get(f"{api}/file={path}", headers=BROWSER).content == written.getvalue()
    hidden = tmp_path / "hidden.tif"
    gradient_picture().save(hidden)
    assert httpx.get(f"{api}/file={hidden}", headers=BROWSER).status_code == 403
