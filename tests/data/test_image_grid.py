import numpy as np
import torch
from PIL import Image

from ssgnet_monai.data.image_grid import image_grid, write_image


def test_grid_by_hand():
    images = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 1, 1, 2) / 2
    assert image_grid(images, 2).tolist() == [[[0, 0, 0.5, 0.5], [1, 1, 0, 0]]]


def test_colour_and_grey_files_have_the_right_values(tmp_path):
    image = torch.tensor([[[0.0, 1.0]], [[0.5, 0.25]], [[1.0, 2.0]]])
    write_image(tmp_path / "rgb.png", image)
    assert np.asarray(Image.open(tmp_path / "rgb.png")).tolist() == [[[0, 128, 255], [255, 64, 255]]]
    write_image(tmp_path / "grey.png", image[:1])
    assert np.asarray(Image.open(tmp_path / "grey.png")).tolist() == [[0, 255]]


def test_a_16_bit_window_gives_16_bit_files(tmp_path):
    write_image(tmp_path / "x.png", torch.tensor([[[0.0, 0.5, 1.0]]]), intensity_window=(100, 4100))
    assert np.asarray(Image.open(tmp_path / "x.png")).tolist() == [[100, 2100, 4100]]
