import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import AsDiscreted, Compose, Invertd, Resized, SaveImaged, Transposed
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder, write_mask_png
from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.data.orientation import ORIENTATION, turn_back
from ssgnet_monai.data.prepare.write_dataset import percentile_window
from ssgnet_monai.data.soft_labels import write_soft_label
from ssgnet_monai.data.splits import SPLIT_NAMES
from ssgnet_monai.transforms import LoadImageMaskd, SaveMaskd
from tests.dicom_files import write as write_dicom

HEIGHT, WIDTH = 12, 20


def save(path, array, **options):
    Image.fromarray(np.asarray(array)).save(path, **options)
    return str(path)


def asymmetric_mask():
    """An F-like shape that no flip, turn or transposition maps onto itself."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[1:11, 2:5] = mask[1:3, 2:17] = mask[5:7, 2:10] = True
    return mask


def test_rows_first_in_unit_range(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    mask = asymmetric_mask()
    item = LoadImageMaskd()(
        {
            "image": save(tmp_path / "i.png", values),
            "label": save(tmp_path / "m.png", mask.astype(np.uint8)),
            "class": "a",
        }
    )
    assert item["image"].shape == (3, HEIGHT, WIDTH)
    assert item["image"].dtype == torch.float32
    np.testing.assert_allclose(item["image"].numpy(), values.transpose(2, 0, 1) / 255, atol=1e-7)
    np.testing.assert_array_equal(item["label"].numpy()[0], mask)
    assert item["label"].shape == (1, HEIGHT, WIDTH)
    assert item["label"].dtype == torch.float32
    assert list(item["image"].meta["spatial_shape"]) == [HEIGHT, WIDTH]
    assert item["class"] == "a"


def test_label_is_optional_and_the_item_is_not_changed(tmp_path):
    item = {"image": save(tmp_path / "i.png", np.zeros((4, 5), np.uint8))}
    assert LoadImageMaskd()(item).keys() == {"image"}
    assert isinstance(item["image"], str)
    with pytest.raises(KeyError, match="path under 'image'"):
        LoadImageMaskd()({"label": "x.png"})


def test_channels_are_repeated_or_become_luma(tmp_path):
    grey = {"image": save(tmp_path / "g.png", np.full((4, 5), 51, np.uint8))}
    assert torch.equal(LoadImageMaskd()(grey)["image"].as_tensor(), torch.full((3, 4, 5), 0.2))
    colour = {"image": save(tmp_path / "c.png", np.full((4, 5, 3), (255, 0, 0), np.uint8))}
    luma = LoadImageMaskd(num_channels=1)(colour)["image"]
    assert luma.shape == (1, 4, 5)
    torch.testing.assert_close(luma.as_tensor(), torch.full((1, 4, 5), 0.299))


def test_sixteen_bits_need_their_window(tmp_path):
    values = np.array([[0, 1000], [2000, 9000]], np.uint16)
    item = {"image": save(tmp_path / "i.png", values)}
    image = LoadImageMaskd(intensity_window=[1000, 3000], num_channels=1)(item)["image"]
    torch.testing.assert_close(image.as_tensor(), torch.tensor([[[0.0, 0.0], [0.5, 1.0]]]))
    with pytest.raises(ValueError, match="Expected an 8-bit image .* got 16-bit values up to 9000 in .*i.png"):
        LoadImageMaskd()(item)


def test_palette_and_alpha(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "L").convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "p.png")
    image = LoadImageMaskd()({"image": str(tmp_path / "p.png")})["image"]
    assert image[:, 0, 0].tolist() == [1, 0, 0]
    assert image[:, 1, 0].tolist() == [0, 0, 1]
    rgba = np.dstack([np.full((2, 3, 3), 255, np.uint8), np.full((2, 3), 7, np.uint8)])
    assert LoadImageMaskd()({"image": save(tmp_path / "a.png", rgba)})["image"].shape == (3, 2, 3)


def labelled(tmp_path, mask, num_classes=2):
    mask.save(tmp_path / "m.png")
    image = save(tmp_path / "i.png", np.zeros((mask.height, mask.width), np.uint8))
    return LoadImageMaskd(num_classes=num_classes)({"image": image, "label": str(tmp_path / "m.png")})["label"]


def test_masks_hold_class_numbers_and_255_is_not_known(tmp_path):
    stored = np.array([[0, 1, 255], [2, 0, 1]], np.uint8)
    for picture in (mask_image(stored), Image.fromarray(stored)):
        label = labelled(tmp_path, picture, 3)
        assert label.dtype == torch.float32
        assert label.tolist() == [[[0, 1, 255], [2, 0, 1]]]
    two = np.minimum(stored, 1) + 254 * (stored == 255)
    assert labelled(tmp_path, mask_image(two)).tolist() == [[[0, 1, 255], [1, 0, 1]]]
    assert labelled(tmp_path, mask_image(np.where(two == 1, 0, two))).tolist() == [[[0, 0, 255], [0, 0, 0]]]


def test_with_two_classes_black_and_white_and_a_persons_palette_are_binary(tmp_path):
    drawn = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    assert labelled(tmp_path, Image.fromarray(drawn * 255)).tolist() == [drawn.tolist()]
    assert labelled(tmp_path, Image.fromarray(drawn > 0)).tolist() == [drawn.tolist()]
    foreign = Image.fromarray(drawn * 255).convert("P")
    foreign.putpalette([value for value in range(256) for _ in "rgb"])
    assert labelled(tmp_path, foreign).tolist() == [drawn.tolist()]


def test_other_values_than_the_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"class numbers 0 to 2 .*got \[3, 7\] in .*m\.png.*--labels"):
        labelled(tmp_path, Image.fromarray(np.array([[0, 3, 7, 255]], np.uint8)), 3)
    with pytest.raises(ValueError, match=r"class numbers 0 to 1 .*got \[2\] in .*m\.png"):
        labelled(tmp_path, mask_image(np.array([[0, 1, 2]], np.uint8)))
    colours = Image.fromarray(np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8))
    with pytest.raises(ValueError, match=r"class numbers, got colours in .*m\.png.*--labels"):
        labelled(tmp_path, colours, 3)


def test_bad_files_are_named(tmp_path):
    image = save(tmp_path / "i.png", np.zeros((4, 5), np.uint8))
    label = save(tmp_path / "m.png", np.arange(20, dtype=np.uint8).reshape(4, 5))
    with pytest.raises(ValueError, match=r"values \{0, 1\} or \{0, 255\}, got \{0, 1, 2.*m\.png"):
        LoadImageMaskd()({"image": image, "label": label})
    (tmp_path / "broken.png").write_bytes((tmp_path / "i.png").read_bytes()[:40])
    for name in ("broken.png", "absent.png"):
        with pytest.raises(ValueError, match=f"readable picture, got .*{name}"):
            LoadImageMaskd()({"image": str(tmp_path / name)})
    with pytest.raises(ValueError, match="low < high"):
        LoadImageMaskd(intensity_window=(5, 5))
    with pytest.raises(ValueError, match="num_channels 1 or 3, got 2"):
        LoadImageMaskd(num_channels=2)


@pytest.mark.parametrize("writer", ["monai", "ours"])
def test_orientation_from_source_to_written_mask(tmp_path, writer):
    """prepare -> load -> resize -> identity network -> back to the file's size -> written mask, pixel by pixel."""
    mask = asymmetric_mask()
    for index in range(3):
        for kind in ("images", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
            shifted = np.roll(mask, index, axis=1)
            Image.fromarray(shifted.astype(np.uint8) * 255).save(tmp_path / kind / f"case{index}.png")
    datalist = load_datalist(prepare_folder(tmp_path / "images", tmp_path / "masks", tmp_path / "out", size=None))
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    assert len(items) == 3
    preprocessing = Compose(
        [
            LoadImageMaskd(datalist["intensity_window"], num_channels=1),
            Resized(keys=["image", "label"], spatial_size=(24, 32), mode=["bilinear", "nearest"]),
        ]
    )
    postprocessing = [
        Invertd(keys="pred", transform=preprocessing, orig_keys="image", nearest_interp=False),
        AsDiscreted(keys="pred", threshold=0.5),
    ]
    if writer == "monai":
        postprocessing += [
            Transposed(keys="pred", indices=[0, 2, 1]),
            SaveImaged(
                keys="pred",
                writer="PILWriter",
                output_ext=".png",
                output_postfix="",
                output_dtype=np.uint8,
                scale=255,
                resample=False,
                separate_folder=False,
                output_dir=tmp_path / "written",
                print_log=False,
            ),
        ]
    for batch in DataLoader(Dataset(items, preprocessing), batch_size=2):
        assert batch["image"].shape[1:] == (1, 24, 32)
        assert ((batch["image"] > 0.5) == (batch["label"] > 0.5)).float().mean() > 0.95
        batch["pred"] = batch["image"].clone()
        for item in map(Compose(postprocessing), decollate_batch(batch)):
            if writer == "ours":
                write_mask_png(
                    tmp_path / "written" / item["image"].meta["filename_or_obj"].split("/")[-1], item["pred"]
                )
    for index in range(3):
        with Image.open(tmp_path / "written" / f"case{index}.png") as written:
            assert written.size == (WIDTH, HEIGHT)
            assert written.mode == "L"
            np.testing.assert_array_equal(np.asarray(written), np.roll(mask, index, axis=1) * np.uint8(255))


def test_write_mask_png_refuses_probabilities(tmp_path):
    with pytest.raises(ValueError, match=r"values 0 and 1 for .*m\.png, got shape \(2, 2\)"):
        write_mask_png(tmp_path / "m.png", torch.full((1, 2, 2), 0.5))
    assert not (tmp_path / "m.png").exists()


def test_dicom_is_loaded_as_prepared(tmp_path):
    """Grey levels of the file's own window, colour, and what one depth says to the other's window."""
    for index in range(3):
        values = np.random.default_rng(index).integers(0, 4096, (HEIGHT, WIDTH), np.uint16)
        window = {"WindowCenter": 1000, "WindowWidth": 1500, "BitsStored": 12, "HighBit": 11}
        write_dicom(tmp_path / "in" / f"{index}.dcm", values, **window)
    datalist = load_datalist(prepare_folder(tmp_path / "in", None, tmp_path / "out", size=None, groups="(.)"))
    load = LoadImageMaskd(datalist["intensity_window"], num_channels=1)
    stored = sorted(load(item)["image"].numpy().tobytes() for split in SPLIT_NAMES for item in datalist[split])
    files = sorted((tmp_path / "in").iterdir())
    assert sorted(load({"image": str(file)})["image"].numpy().tobytes() for file in files) == stored
    assert load({"image": str(files[0])})["image"].meta["filename_or_obj"] == str(files[0])
    with pytest.raises(ValueError, match=r"Expected an 8-bit image for intensity_window .* in .*0\.dcm"):
        LoadImageMaskd()({"image": str(files[0])})

    colour = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    image = LoadImageMaskd()({"image": write_dicom(tmp_path / "c.dcm", colour, Modality="US")})["image"]
    np.testing.assert_allclose(image.numpy(), colour.transpose(2, 0, 1) / 255, atol=1e-7)
    film = write_dicom(tmp_path / "film.dcm", colour[None].repeat(2, 0), frames=2)
    with pytest.raises(ValueError, match=r"one picture, got 2 frames in .*film\.dcm"):
        LoadImageMaskd()({"image": film})


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_a_picture_stored_turned_gets_its_mask_as_viewers_show_it(tmp_path, orientation, ending):
    """Through resizing, its inversion and the writer: the written mask lies on the picture as it is shown."""
    mask = asymmetric_mask().repeat(4, 0).repeat(4, 1)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"p.{ending}"
    Image.fromarray(turn_back(mask, orientation) * np.uint8(255)).save(path, exif=exif)
    preprocessing = Compose([LoadImageMaskd(num_channels=1), Resized("image", spatial_size=(48, 48), mode="area")])
    item = preprocessing({"image": str(path)})
    item["pred"] = item["image"].clone()
    invert = Invertd(keys="pred", transform=preprocessing, orig_keys="image", nearest_interp=False)
    save = SaveMaskd("pred", tmp_path / "masks")
    save(AsDiscreted(keys="pred", threshold=0.5)(invert(item)))
    with Image.open(tmp_path / "masks" / "p.png") as written:
        assert ((np.asarray(written) > 0) == mask).mean() > 0.97


def test_the_window_tells_the_depth_of_the_files(tmp_path):
    """An image of the other depth would be black or white, whatever its values are."""
    for values, window, message in (
        (np.full((4, 5), 200, np.uint8), (0, 4095), "Expected a 16-bit image .* got 8-bit values up to 200"),
        (np.full((4, 5, 3), 200, np.uint8), (0, 4095), "Expected a 16-bit image"),
        (np.full((4, 5), 200, np.uint16), (0, 255), "Expected an 8-bit image .* got 16-bit values up to 200"),
    ):
        path = save(tmp_path / "i.png", values)
        with pytest.raises(ValueError, match=message):
            LoadImageMaskd(intensity_window=window)({"image": path})
    dark = [save(tmp_path / "d.png", np.array([[0, 255] * 300], np.uint16))]
    window = percentile_window(dark)
    assert window == [0, 256]
    assert LoadImageMaskd(window, 1)({"image": dark[0]})["image"].max() == pytest.approx(255 / 256)


def test_a_soft_label_becomes_planes_of_probabilities(tmp_path):
    save(tmp_path / "image.png", np.zeros((2, 2, 3), np.uint8))
    planes = np.array([[[0, 254], [127, 255]], [[254, 0], [127, 255]]], np.uint8)
    write_soft_label(tmp_path / "soft.npz", planes)
    item = {"image": str(tmp_path / "image.png"), "label": str(tmp_path / "soft.npz")}
    label = LoadImageMaskd(num_classes=3)(item)["label"]
    assert label.dtype == torch.float32
    assert label.tolist() == [[[0, 1], [0.5, 255]], [[1, 0], [0.5, 255]]]
