import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.datasets.tiles import tile_sources
from ssgnet_monai.data.image_files import SourceImage
from tests.picture_files import write_picture, write_values


@pytest.fixture
def image(tmp_path):
    """9 x 14 pixels: two rows of three tiles of 4; foreground: 3 pixels of tile (0, 1) and the left out edges."""
    mask = np.zeros((9, 14))
    mask[1, 4:7] = mask[8] = mask[:, 12:] = 255
    write_picture(tmp_path / "in/a.png", 1, (9, 14, 3))
    write_values(tmp_path / "in/a_mask.png", mask)
    return SourceImage("a", tmp_path / "in/a.png", tmp_path / "in/a_mask.png", split="test")


def test_tiles_by_hand(image, tmp_path):
    tiles = tile_sources([image], tmp_path / "staging", 4)
    assert [tile.stem for tile in tiles] == [f"a_{row:02d}_{column:02d}" for row in (0, 1) for column in (0, 1, 2)]
    assert [tile.class_name for tile in tiles] == ["negative", "positive", *["negative"] * 4]
    assert {(tile.group, tile.split, tile.mask) for tile in tiles} == {("a", "test", None)}
    pixels = np.asarray(Image.open(image.image))
    assert np.array_equal(np.asarray(Image.open(tiles[4].image)), pixels[4:8, 4:8])


def test_the_share_of_foreground_is_a_limit_that_counts(image, tmp_path):
    assert tile_sources([image], tmp_path / "staging", 4, 3 / 16)[1].class_name == "positive"
    before = (tmp_path / "staging/a_00_01.png").stat().st_mtime_ns
    with pytest.raises(ValueError, match=r"6 tiles of 4 pixels, all negative.*min_fraction \(now 0.2\)"):
        tile_sources([image], tmp_path / "staging", 4, 0.2)
    assert (tmp_path / "staging/a_00_01.png").stat().st_mtime_ns == before  # no need to cut again


@pytest.mark.parametrize(("tile", "fraction"), [(0, 0), (2.5, 0), (4, 1.5)])
def test_unusable_settings(image, tmp_path, tile, fraction):
    with pytest.raises(ValueError, match="Expected tile of at least 1 pixel"):
        tile_sources([image], tmp_path / "staging", tile, fraction)


def test_an_image_smaller_than_a_tile(image, tmp_path):
    with pytest.raises(ValueError, match=r"at least 10 x 10 pixels.*\(9, 14\).*Choose a smaller tile"):
        tile_sources([image], tmp_path / "staging", 10)
    assert not list((tmp_path / "staging").glob("*.png"))
