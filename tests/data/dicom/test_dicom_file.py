"""DICOM images: values after each step of the grey scale, colour, frames, privacy and what is refused."""

import io
import logging
import re
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from ssgnet_monai.data.dicom.dicom_file import iter_frames, read_dicom, read_picture
from ssgnet_monai.data.dicom.header import read_header
from ssgnet_monai.data.image_files import is_dicom
from tests.dicom_files import OLD, PATIENT, UID, item, look_up_table, write

CT = {"plain": CTImageStorage, "enhanced": "1.2.840.10008.5.1.4.1.1.2.1", "converted": "1.2.840.10008.5.1.4.1.1.2.2"}
RAMP = np.arange(12, dtype=np.uint16).reshape(3, 4)
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def read(tmp_path, pixels, display=False, **elements):
    return read_dicom(write(tmp_path / "a.dcm", pixels, **elements), display=display, reviewed=True)[0]


@pytest.mark.parametrize(
    ("pixels", "elements", "expected"),
    [
        (RAMP, {}, RAMP),
        (RAMP, {"RescaleSlope": 2, "RescaleIntercept": -1024}, 2 * RAMP.astype(int) - 1024),
        (RAMP, {"RescaleSlope": "0.5"}, RAMP / 2),
        (RAMP, {"PhotometricInterpretation": "MONOCHROME1"}, 65535 - RAMP),
        (RAMP.astype(np.uint8), {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 4, "HighBit": 3}, 15 - RAMP),
        # 12 bits: an overlay in the upper four is not part of the value
        (RAMP | 0xF000, {"BitsStored": 12, "HighBit": 11}, RAMP),
        # the highest used bit is 15: values lie 4 bits up
        (RAMP << 4, {"BitsStored": 12, "HighBit": 15}, RAMP),
        # 12 bits with a sign: 0x0FFF is -1 also without the sign in the upper bits
        (np.full((3, 4), 0x0FFF, np.uint16), {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}, -1),
        (-RAMP.astype(np.int16), {}, -RAMP.astype(int)),
        # modality LUT: entries for 2, 3, 4; below and above take the first and the last
        (RAMP, {"ModalityLUTSequence": look_up_table(2, [70, 80, 90])}, np.clip(RAMP, 2, 4).astype(int) * 10 + 50),
    ],
)
def test_native_values_by_hand(tmp_path, pixels, elements, expected):
    values = read(tmp_path, pixels, **elements)
    np.testing.assert_array_equal(values, np.broadcast_to(expected, values.shape))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, RAMP / 65535),
        ({"BitsStored": 4, "HighBit": 3}, RAMP / 15),
        ({"WindowCenter": 6, "WindowWidth": 5}, np.clip((RAMP - 5.5) / 4 + 0.5, 0, 1)),
        ({"WindowCenter": [6, 1], "WindowWidth": [1, 1]}, RAMP > 5),
        ({"WindowCenter": 6, "WindowWidth": 4, "VOILUTFunction": "LINEAR_EXACT"}, np.clip(RAMP / 4 - 1, 0, 1)),
        ({"WindowCenter": 6, "WindowWidth": 4, "VOILUTFunction": "SIGMOID"}, 1 / (1 + np.exp(6.0 - RAMP))),
        ({"VOILUTSequence": look_up_table(0, range(0, 240, 20), bits=8)}, RAMP * 20 / 255),
        # Modality first, then the window in modality values, MONOCHROME1 last
        (
            {
                "RescaleSlope": 10, "RescaleIntercept": -50, "WindowCenter": 0, "WindowWidth": 101,
                "PhotometricInterpretation": "MONOCHROME1",
            },
            1 - np.clip((RAMP * 10.0 - 50 + 0.5) / 100 + 0.5, 0, 1),
        ),
        # a table whose first entry is for -5, after the modality's intercept
        (
            {"RescaleSlope": 1, "RescaleIntercept": -5, "VOILUTSequence": look_up_table(-5, range(0, 240, 20), bits=8)},
            RAMP * 20 / 255,
        ),
    ],
)  # fmt: skip
def test_display_values_by_hand(tmp_path, elements, expected):
    values = read(tmp_path, RAMP, display=True, **elements)
    assert values.dtype == np.uint16
    np.testing.assert_allclose(values, np.asarray(expected, float) * 65535, atol=0.51)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_byte_orders_and_encodings(tmp_path, syntax):
    np.testing.assert_array_equal(read(tmp_path, RAMP, syntax=syntax), RAMP)
    np.testing.assert_array_equal(read(tmp_path, COLOUR, syntax=syntax), COLOUR)


def test_colour_comes_as_rgb(tmp_path):
    ybr = np.asarray(Image.fromarray(COLOUR).convert("YCbCr"))
    np.testing.assert_allclose(read(tmp_path, ybr, PhotometricInterpretation="YBR_FULL"), COLOUR, atol=3)
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).reshape(COLOUR.shape)
    np.testing.assert_array_equal(read(tmp_path, planes, PlanarConfiguration=1), COLOUR)
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for index, colour in enumerate(("Red", "Green", "Blue"))
        for part, value in (("Descriptor", [4, 0, 8]), ("Data", bytes([0, 10, 20, 30 + index])))
    }
    numbers = np.array([[0, 1], [2, 3]], np.uint8)
    colours = read(tmp_path, numbers, PhotometricInterpretation="PALETTE COLOR", **palette)
    assert colours[1, 1].tolist() == [30, 31, 32]


def compressed(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def test_compressed_frames_one_by_one(tmp_path):
    frames = [np.roll(COLOUR[..., 0], shift, axis=0) for shift in range(3)]
    path = write(tmp_path / "a.dcm", frames[0], JPEG2000Lossless, [compressed(frame, "JPEG2000") for frame in frames])
    header = read_header(path)
    iterator = iter_frames(header)
    np.testing.assert_array_equal(next(iterator), frames[0])
    np.testing.assert_array_equal(np.stack(list(iterator)), frames[1:])
    np.testing.assert_array_equal(read_dicom(path)[0], frames)


def test_frames_of_an_enhanced_file_have_a_grey_scale_each(tmp_path):
    groups = [
        item(PixelValueTransformationSequence=item(RescaleSlope=slope, RescaleIntercept=0))[0] for slope in (1, 3)
    ]
    path = write(tmp_path / "a.dcm", np.stack([RAMP, RAMP]), frames=2, PerFrameFunctionalGroupsSequence=groups)
    np.testing.assert_array_equal(read_dicom(path)[0], [RAMP, RAMP * 3])


@pytest.mark.parametrize(
    ("elements", "reviewed", "refused"),
    [
        ({"Modality": "MG"}, False, False),
        ({"Modality": "MG", "BurnedInAnnotation": "NO"}, False, False),
        ({"Modality": "MG", "BurnedInAnnotation": ""}, False, False),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, False, False),
        *(({"Modality": "CT", "SOPClassUID": CT[kind]}, False, False) for kind in CT),
        ({"Modality": "US"}, False, "SOPClassUID Ultrasound Image Storage, Modality US"),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, False, "Modality US"),
        *(
            ({"Modality": name, "SOPClassUID": CTImageStorage}, False, f"Modality {name or 'absent'} in")
            for name in ("", None, "ZZ", "XC", "RF", "IVUS", "OT", "SM", "XA", "US")
        ),
        *(
            ({"Modality": "MG", "BurnedInAnnotation": value}, False, f"BurnedInAnnotation {value.strip()}")
            for value in ("YES", "Y", "TRUE", "MAYBE", "N")
        ),
        ({"Modality": "CT", "SOPClassUID": SecondaryCaptureImageStorage}, False, "SOPClassUID Secondary Capture Image"),
        ({"Modality": "MG", "SOPClassUID": "1.2.3.4"}, False, "SOPClassUID unknown"),
        ({"Modality": "CT", "ConversionType": "WSD"}, False, "ConversionType WSD"),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, False, r"SECONDARY\SCREEN SAVE"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "DOSE_INFO"]}, False, "ImageType ORIGINAL"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "SECONDARY", "CT_SOM5 PROT"]}, False, "CT_SOM5 PROT"),
        ({"Modality": "US", "BurnedInAnnotation": "YES"}, True, False),
    ],
)
def test_pictures_that_may_show_a_name_need_a_review(tmp_path, elements, reviewed, refused):
    path = write(tmp_path / "a.dcm", RAMP, **elements)
    if not refused:
        assert read_dicom(path, reviewed=reviewed)[0].shape == RAMP.shape
        return
    with pytest.raises(ValueError, match="Look at the pictures .* say --reviewed") as refusal:
        read_dicom(path, reviewed=reviewed)
    assert str(refused) in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert read_dicom(path, reviewed=True)[0].shape == RAMP.shape


REFUSED = [
    (RAMP, {"PixelData": None}, "file without integer pixel data"),
    (RAMP, {"Rows": 30}, "Expected 240 bytes of pixels, got 24"),
    (RAMP, {"Rows": 60000, "Columns": 60000}, "at most 120 megapixels, got 60000x60000"),
    (RAMP, {"NumberOfFrames": 2_000_000_000}, "at most 120 megapixels in all frames"),
    (RAMP, {"Rows": None}, "found no Rows in the header"),
    (RAMP.astype(np.uint32), {}, "Expected 8 to 16 bits a pixel, got 32"),
    (RAMP, {"PhotometricInterpretation": "CMYK"}, "got 1 for 'CMYK'"),
    (RAMP, {"RescaleSlope": 0}, "RescaleSlope other than 0"),
    (RAMP, {"ModalityLUTSequence": look_up_table(0, [1, 2], bits=20)}, "2 of 20 bits"),
    (RAMP, {"syntax": DeflatedExplicitVRLittleEndian}, "transfer syntax for images that DICOM knows"),
    (COLOUR, {"syntax": JPEGBaseline8Bit, "frames": [compressed(COLOUR, "JPEG")[:300]]}, "in the pixel data"),
    (COLOUR, {"syntax": JPEGBaseline8Bit, "frames": [compressed(COLOUR[:4], "JPEG")]}, "8x6 pixels, got 8x4"),
    (RAMP, {"syntax": "1.2.840.10008.1.2.4.201", "frames": [b"\xff\x4f" * 9]}, 'install "ssgnet-monai[datasets]"'),
]  # fmt: skip


@pytest.mark.parametrize(("pixels", "elements", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals_name_the_file_and_never_the_patient(tmp_path, caplog, pixels, elements, message):
    if OLD and elements.get("syntax") == "1.2.840.10008.1.2.4.201":
        pytest.skip("pydicom 2 does not know HTJ2K")
    caplog.set_level(logging.DEBUG)
    path = write(tmp_path / "a.dcm", pixels, **elements)
    with warnings.catch_warnings(record=True) as warned, pytest.raises(ValueError, match=re.escape(message)) as refusal:
        read_dicom(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    shown = " ".join([str(refusal.value), caplog.text, *(str(warning.message) for warning in warned)])
    assert not [value for value in (*PATIENT.values(), f"{UID}.1") if value in shown]


def test_the_header_that_is_kept_holds_no_patient(tmp_path):
    header = read_header(write(tmp_path / "a.dcm", RAMP))
    shown = f"{header} {header.data} "
    assert not [value for value in PATIENT.values() if value in shown]
    assert "PatientID" in read_header(tmp_path / "a.dcm", also=("PatientID",)).data


@pytest.mark.parametrize("content", [b"", b"x" * 400, b"\0" * 128 + b"DICM" + b"\xff" * 90])
def test_files_that_are_no_dicom_are_refused(tmp_path, content):
    (tmp_path / "a.dcm").write_bytes(content)
    with pytest.raises(ValueError, match="Expected a (readable DICOM file|DICOM file|transfer syntax)"):
        read_dicom(tmp_path / "a.dcm")


def test_a_malformed_number_is_refused_without_being_quoted(tmp_path):
    path = write(tmp_path / "a.dcm", RAMP, RescaleSlope="1.000")
    path.write_bytes(path.read_bytes().replace(b"1.000 ", b"DOE^JA"))
    with pytest.raises(ValueError, match="in the grey scale") as refusal:
        read_dicom(path)
    assert "DOE" not in str(refusal.value)


def test_an_unknown_transfer_syntax_is_refused(tmp_path):
    path = write(tmp_path / "a.dcm", RAMP)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    with pytest.raises(ValueError, match="that DICOM knows, got '1.2.840.10008.1.2.9'"):
        read_dicom(path)


PADDED = np.array([[5, 7, 9], [63536, 8, 60000], [5, 5, 6]], np.uint16)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"PixelPaddingValue": 63536}, [[5, 7, 9], [5, 8, 60000], [5, 5, 6]]),
        ({"PixelPaddingValue": 60000, "PixelPaddingRangeLimit": 65535}, [[5, 7, 9], [5, 8, 5], [5, 5, 6]]),
        ({"PixelPaddingValue": 65535, "PixelPaddingRangeLimit": 60000}, [[5, 7, 9], [5, 8, 5], [5, 5, 6]]),
        ({"PixelPaddingValue": 5}, [[6, 7, 9], [63536, 8, 60000], [6, 6, 6]]),
        ({"PixelPaddingValue": 4}, PADDED),
        ({"PixelPaddingValue": 5, "RescaleSlope": -2, "RescaleIntercept": 10},
         [[-127062, -4, -8], [-127062, -6, -119990], [-127062, -127062, -2]]),
        # inverted: padding is as dark as the darkest pixel, whatever is stored
        ({"PixelPaddingValue": 63536, "PixelPaddingRangeLimit": 60000, "PhotometricInterpretation": "MONOCHROME1"},
         65535 - np.array([[5, 7, 9], [9, 8, 9], [5, 5, 6]])),
        ({"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 5, "PhotometricInterpretation": "MONOCHROME1"},
         65535 - np.array([[63536, 7, 9], [63536, 8, 60000], [63536, 63536, 6]])),
    ],
)  # fmt: skip
def test_padding_is_as_dark_as_the_darkest_pixel(tmp_path, elements, expected):
    values = read(tmp_path, PADDED, **elements)
    np.testing.assert_array_equal(values, expected)


def test_a_padding_value_without_the_pixels_sign(tmp_path):
    path = write(tmp_path / "a.dcm", PADDED.astype(np.int16), PixelPaddingValue=-2000)
    path.write_bytes(path.read_bytes().replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US"))
    assert int(pydicom.dcmread(path).PixelPaddingValue) == 63536
    np.testing.assert_array_equal(read_dicom(path)[0], [[5, 7, 9], [-5536, 8, -5536], [5, 5, 6]])


def test_padding_stays_out_of_the_window(tmp_path):
    window = {"WindowCenter": 7.5, "WindowWidth": 4}
    shown = read(tmp_path, PADDED, display=True, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535, **window)
    assert shown[1, 2] == shown[1, 0] == shown[0, 0] == 0
    inverted = {"PhotometricInterpretation": "MONOCHROME1", **window}
    shown = read(tmp_path, PADDED, display=True, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535, **inverted)
    assert shown[1, 0] == shown[0, 2] == 0
    assert shown[0, 0] == 65535


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"WindowCenter": 6, "WindowWidth": 0}, "WindowWidth [0.0]"),
        ({"WindowCenter": 6, "WindowWidth": -5}, "WindowWidth [-5.0]"),
        ({"WindowCenter": 6, "WindowWidth": "nan"}, "WindowWidth [nan]"),
        ({"WindowCenter": 6}, "WindowWidth absent"),
        ({"WindowWidth": 6}, "WindowCenter absent"),
        ({"WindowCenter": [6, 7], "WindowWidth": [0, 0]}, "WindowWidth [0.0, 0.0]"),
        ({"WindowCenter": 6, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"}, "WindowWidth [0.0]"),
    ],
)
def test_an_unusable_window_is_passed_over_and_told(tmp_path, caplog, elements, said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write(tmp_path / "a.dcm", RAMP, BitsStored=4, HighBit=3, **elements)
        np.testing.assert_allclose(read_dicom(path, display=True)[0], RAMP / 15 * 65535, atol=0.51)
        read_picture(path)
    assert f"{path}: its window cannot be used" in caplog.text
    assert said in caplog.text


def test_the_first_usable_of_several_windows_is_taken(tmp_path, caplog):
    path = write(tmp_path / "a.dcm", RAMP, WindowCenter=[1, 6, 9], WindowWidth=[0, 5, 3])
    expected = np.clip((RAMP - 5.5) / 4 + 0.5, 0, 1) * 65535
    np.testing.assert_allclose(read_picture(path), expected, atol=0.51)
    assert not caplog.text


def without_preamble(path, meta=False):
    raw = path.read_bytes()
    path.write_bytes(raw[132:] if meta else raw[raw.index(b"\x08\x00\x16\x00") :])
    return path


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("name", ["a.dcm", "1.2.840.17"])
def test_files_without_preamble_are_read(tmp_path, syntax, meta, name):
    path = without_preamble(write(tmp_path / name, RAMP, syntax=syntax), meta)
    np.testing.assert_array_equal(read_dicom(path)[0], RAMP)
    assert is_dicom(path)


def test_compressed_pixels_without_a_file_header_are_named(tmp_path):
    frames = [compressed(COLOUR[..., 0], "JPEG2000")]
    path = without_preamble(write(tmp_path / "a.dcm", COLOUR[..., 0], JPEG2000Lossless, frames))
    with pytest.raises(ValueError, match=r"length of uncompressed pixels.*in .*a\.dcm.*write a new one \(dcmconv"):
        read_dicom(path)


@pytest.mark.parametrize("place", [-5, -23, 500, 0])
def test_bytes_that_were_inserted_are_noticed(tmp_path, place):
    path = write(tmp_path / "a.dcm", RAMP + 1000)
    raw = path.read_bytes()
    path.write_bytes(raw[:place] + b"xyz!" + raw[place:] if place else raw + b"junk at the end")
    with pytest.raises(ValueError, match=r"in .*a\.dcm"):
        read_dicom(path)


def test_padding_elements_and_zeros_may_follow_the_pixels(tmp_path):
    path = write(tmp_path / "a.dcm", RAMP, DataSetTrailingPadding=b"\0" * 64)
    np.testing.assert_array_equal(read_dicom(path)[0], RAMP)
    path.write_bytes(write(path, RAMP).read_bytes() + b"\0" * 100)
    np.testing.assert_array_equal(read_dicom(path)[0], RAMP)


def test_overlays_and_graphics_are_named_and_their_texts_not_kept(tmp_path):
    path = write(tmp_path / "a.dcm", RAMP, GraphicAnnotationSequence=item(ContentLabel="DOE"))
    stored = pydicom.dcmread(path)
    for plane in (0x6000, 0x6002):
        stored.add_new((plane, 0x0010), "US", 3)
        stored.add_new((plane, 0x3000), "OW", b"\1\0")
    stored.save_as(path)
    header = read_header(path)
    assert header.drawn == ("overlay planes (60xx): 2", "graphic annotations (0070,0001)")
    assert "DOE" not in f"{header} {header.data}"
    np.testing.assert_array_equal(read_dicom(path)[0], RAMP)


@pytest.mark.parametrize("place", [-3, -30, 0])
def test_bytes_inserted_into_compressed_pixels_are_noticed(tmp_path, place):
    path = write(tmp_path / "a.dcm", COLOUR[..., 0], JPEG2000Lossless, [compressed(COLOUR[..., 0], "JPEG2000")])
    raw = path.read_bytes()
    path.write_bytes(raw[:place] + b"xyz!" + raw[place:] if place else raw + b"junk at the end")
    with pytest.raises(ValueError, match=r"in .*a\.dcm"):
        read_dicom(path)


def test_a_window_of_letters_is_passed_over_without_being_quoted(tmp_path, caplog):
    path = write(tmp_path / "a.dcm", RAMP, WindowCenter="6", WindowWidth="1.000")
    path.write_bytes(path.read_bytes().replace(b"1.000 ", b"DOE^JA"))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        read_picture(path)
    assert "WindowWidth [nan]" in caplog.text
    assert "DOE" not in caplog.text + " ".join(str(warning.message) for warning in warned)
