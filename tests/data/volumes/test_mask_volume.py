import nibabel
import numpy as np
import pytest

from ssgnet_monai.data.volumes.mask_volume import MaskVolume
from ssgnet_monai.data.volumes.view import slice_view
from tests.volume_files import ct, f_mask, oblique, write


def test_geometry_is_kept_and_texts_are_not(tmp_path):
    source = nibabel.load(write(tmp_path / "v.nii.gz", ct(), slope=2, inter=-5))
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        source.header[field] = b"Jane Doe"
    source.header["data_type"] = b"1970"
    source.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"born 1970"))
    source.header.set_xyzt_units("mm", "sec")
    nibabel.save(source, tmp_path / "w.nii")
    volume = MaskVolume(tmp_path / "w.nii", 2)
    truth = slice_view(f_mask(), oblique(), 2)
    for index in (5, 3, 1, 0, 2):
        volume.put(index, truth[index])
    assert not volume.complete
    volume.put(4, truth[4])
    assert volume.complete
    for name in ("m.nii", "m.nii.gz"):
        volume.write(tmp_path / "out" / name)
        written = nibabel.load(tmp_path / "out" / name)
        np.testing.assert_array_equal(written.get_fdata(), f_mask())
        np.testing.assert_array_equal(written.affine, nibabel.load(tmp_path / "w.nii").affine)
        assert written.header.get_zooms() == source.header.get_zooms()
        assert written.header.get_xyzt_units() == ("mm", "sec")
    content = (tmp_path / "out" / "m.nii").read_bytes()
    assert b"Jane" not in content
    assert b"1970" not in content
    first = (tmp_path / "out" / "m.nii.gz").read_bytes()
    volume.write(tmp_path / "out" / "m.nii.gz")
    assert (tmp_path / "out" / "m.nii.gz").read_bytes() == first


@pytest.mark.parametrize("codes", [(0, 0), (1, 0), (0, 1), (2, 1)])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_both_places_of_a_header_are_kept(tmp_path, codes, kind):
    """Programs differ in which of the two they read."""
    image = kind(ct(), None)
    image.header.set_zooms((0.7, 0.8, 5))
    image.set_sform(oblique(), codes[0])
    image.set_qform(oblique(40), codes[1])
    nibabel.save(image, tmp_path / "v.nii")
    source = nibabel.load(tmp_path / "v.nii")
    volume = MaskVolume(tmp_path / "v.nii", 2)
    volume.write(tmp_path / "m.nii.gz")
    written = nibabel.load(tmp_path / "m.nii.gz")
    np.testing.assert_allclose(written.affine, source.affine, atol=1e-5)
    for name in ("sform", "qform"):
        (one, its), (other, code) = (getattr(found, f"get_{name}")(coded=True) for found in (written, source))
        assert int(its) == int(code)
        if one is not None:
            np.testing.assert_allclose(one, other, atol=1e-5)
    packed = (tmp_path / "m.nii.gz").read_bytes()
    assert packed[3] == 0  # neither a file's name nor a comment
