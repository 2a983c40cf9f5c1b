"""Any image becomes one like the data set's: white on black, trimmed, its longer side 28, centred."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pipeline.inference.predicting.preparation import of_data_set, prepare
from tests.conftest import read_idx


def photo(height, width, ground, thing, box):
    """A plain ground with a plain rectangle (top, left, bottom, right) on it."""
    pixels = np.full((height, width), ground, np.uint8)
    top, left, bottom, right = box
    pixels[top:bottom, left:right] = thing
    return Image.fromarray(pixels)


def box_of(pixels, least=128):
    """Top, left, bottom, right of what is bright."""
    rows, columns = np.flatnonzero((pixels > least).any(axis=1)), np.flatnonzero((pixels > least).any(axis=0))
    return tuple(int(edge) for edge in (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))


def test_an_image_of_the_data_sets_size_is_taken_as_it_is():
    pixels = np.zeros((28, 28), np.uint8)
    pixels[5:20, 8:20] = np.arange(15 * 12, dtype=np.uint8).reshape(15, 12)
    picture = prepare(Image.fromarray(pixels), "shirt.png")
    assert np.array_equal(picture.pixels, pixels)
    assert (picture.notes, picture.inverted) == ((), False)


@pytest.mark.parametrize(
    ("height", "width", "box", "expected"),
    [
        (300, 300, (50, 100, 250, 200), (0, 7, 28, 21)),  # a tall thing: its height fills the image
        (200, 400, (90, 100, 140, 300), (10, 0, 17, 28)),  # a wide one: its width does
        (20, 14, (2, 2, 18, 12), (0, 5, 28, 23)),  # smaller than 28: enlarged
        (1000, 30, (0, 10, 1000, 20), (0, 13, 28, 14)),  # as narrow as can be seen
    ],
)
def test_proportions_are_kept_and_the_thing_is_in_the_middle(height, width, box, expected):
    picture = prepare(photo(height, width, 0, 255, box), "thing.png")
    found = box_of(picture.pixels)
    assert all(abs(one - other) <= 1 for one, other in zip(found, expected, strict=True)), (found, expected)
    assert f"{width}×{height}" in picture.notes[0]


def test_a_light_background_is_inverted_and_that_is_said():
    light, dark = photo(280, 280, 240, 20, (40, 60, 240, 220)), photo(280, 280, 15, 235, (40, 60, 240, 220))
    inverted, as_is = prepare(light, "light.png"), prepare(dark, "dark.png")
    assert np.array_equal(inverted.pixels, as_is.pixels)
    assert (inverted.inverted, as_is.inverted) == (True, False)
    assert "light background (the border's brightness is 240 of 255), so it was inverted" in inverted.notes[0]
    assert not any("invert" in note for note in as_is.notes)


def test_the_background_can_be_told():
    light = photo(28, 28, 240, 20, (4, 6, 24, 22))
    assert np.array_equal(prepare(light, "light.png", "dark").pixels, np.asarray(light))
    assert prepare(light, "light.png", "dark").notes == ()
    forced = prepare(photo(28, 28, 10, 200, (4, 6, 24, 22)), "dark.png", "light")
    assert (forced.inverted, forced.notes) == (True, ("inverted, as --background light says",))
    assert forced.pixels[0, 0] == 245


def test_no_image_of_the_data_set_is_taken_for_light_and_each_inverted_one_is(small_data_set):
    images = read_idx(small_data_set / "t10k-images-idx3-ubyte.gz")[:300]
    for pixels in images:
        as_is, inverted = (prepare(Image.fromarray(each), "row") for each in (pixels, 255 - pixels))
        assert np.array_equal(as_is.pixels, pixels)
        assert np.array_equal(inverted.pixels, pixels)


def test_an_enlarged_image_comes_back_as_it_was():
    pixels = np.zeros((28, 28), np.uint8)
    pixels[0:28, 4:24] = 200
    pixels[8:20, 10:18] = 90
    large = Image.fromarray(np.kron(pixels, np.ones((12, 12), np.uint8)))
    assert np.abs(prepare(large, "large.png").pixels.astype(int) - pixels).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_data_say(orientation):
    upright = photo(120, 80, 0, 255, (0, 0, 30, 80))  # bright at the top
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", exif=exif, quality=95)
    found = prepare(Image.open(io.BytesIO(buffer.getvalue())), "photo.jpg", "dark")
    expected = prepare(upright, "photo.jpg", "dark")
    assert np.abs(found.pixels.astype(int) - expected.pixels).mean() < 8
    assert ("turned upright, as its EXIF data say" in found.notes) == (orientation != 1)


@pytest.mark.parametrize(("thing", "ground", "inverted"), [(230, "black", False), (20, "white", True)])
def test_transparent_parts_become_a_ground_that_the_thing_is_seen_on(thing, ground, inverted):
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[20:80, 30:70] = (thing, thing, thing, 255)
    picture = prepare(Image.fromarray(pixels), "cutout.png")
    assert f"its transparent parts were put on {ground}" in picture.notes
    assert picture.inverted == inverted
    assert picture.pixels[0, 0] == 0
    assert picture.pixels[14, 14] > 200


def test_a_palette_with_a_transparent_colour_is_understood():
    image = photo(60, 60, 0, 200, (10, 20, 50, 40)).convert("P")
    image.info["transparency"] = 0
    assert any("transparent" in note for note in prepare(image, "palette.png").notes)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "I;16"])
def test_every_mode_of_png_and_jpeg_gives_the_same_picture(mode):
    grey = photo(56, 56, 0, 255, (0, 14, 56, 42))
    image = (
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        if mode == "I;16"
        else grey.convert("RGB").convert(mode)
    )
    assert np.abs(prepare(image, "any", "dark").pixels.astype(int) - prepare(grey, "any").pixels).max() <= 2


def test_a_large_picture_takes_a_few_times_its_own_memory():
    """Pillow's own buffers are not traced: those of this project are at most six bytes a pixel."""
    side = 3000
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[500:2500, 800:2200] = (200, 200, 200, 255)
    image = Image.fromarray(pixels)
    tracemalloc.start()
    prepare(image, "large.png")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 * side * side + (48 << 20)


def test_an_image_of_one_brightness_says_so():
    assert "nothing to recognize" in prepare(photo(50, 90, 128, 128, (0, 0, 1, 1)), "blank.png").notes[-1]


def test_damaged_exif_data_do_no_harm():
    image = photo(28, 28, 0, 255, (4, 4, 24, 24))
    image.info["exif"] = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"
    assert np.array_equal(prepare(image, "odd.png").pixels, np.asarray(image))


def test_a_row_of_the_data_set_stays_as_it_is_unless_it_is_said_to_be_light():
    pixels = np.full((28, 28), 250, np.uint8)
    assert np.array_equal(of_data_set(pixels, "x#0", "auto").pixels, pixels)
    assert of_data_set(pixels, "x#0", "light").pixels.max() == 5
