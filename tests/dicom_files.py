"""Small DICOM files as scanners, archives and careless programs write them; a patient's data is in each of them."""

from pathlib import Path
from zlib import crc32

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

SOP_CLASSES = {
    "CT": CTImageStorage,
    "MG": DigitalMammographyXRayImageStorageForPresentation,
    "MR": MRImageStorage,
    "US": UltrasoundImageStorage,
}
OLD = pydicom.__version__ < "3"
PATIENT = {
    "PatientName": "Doe^Jane",
    "PatientID": "HOSP-4711",
    "PatientBirthDate": "19610203",
    "StudyDate": "20200405",
    "InstitutionName": "St. Elsewhere",
}
"""None of these values, nor a UID that begins as ``UID`` does, may be seen anywhere."""
UID = "1.2.826.0.1.3680043.8.498"


def write(path, pixels, syntax=ExplicitVRLittleEndian, frames=None, **elements):
    """Write a DICOM file.

    Args:
        path: the file.
        pixels: (rows, columns), (rows, columns, 3), or with a first axis of ``frames``; uint8, int16 or uint16.
        syntax: transfer syntax.
        frames: number of frames, or compressed frames (bytes).
        elements: further elements, or other values of those that are written; None removes one.
    """
    pixels = np.asarray(pixels)
    big = not pydicom.uid.UID(syntax).is_little_endian
    multi = isinstance(frames, int)
    rows, columns = pixels.shape[1:3] if multi else pixels.shape[:2]
    samples = 3 if pixels.ndim - multi == 3 else 1
    bits = pixels.dtype.itemsize * 8
    values = {
        **PATIENT,
        "SOPClassUID": SOP_CLASSES.get(elements.get("Modality", "MG"), SecondaryCaptureImageStorage),
        "SOPInstanceUID": f"{UID}.1.{crc32(str(path).encode())}",
        "StudyInstanceUID": f"{UID}.2",
        "SeriesInstanceUID": f"{UID}.3",
        "Modality": "MG",
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        **({"PlanarConfiguration": 0} if samples == 3 else {}),
        **({"NumberOfFrames": frames if multi else len(frames)} if frames else {}),
        **elements,
    }
    stored = Dataset()
    for name, value in values.items():
        if value is not None:
            setattr(stored, name, value)
    if isinstance(frames, list):
        data = encapsulate(frames)
    else:
        data = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
        data += bytes(len(data) % 2)
    if "PixelData" not in elements:
        stored.add_new(0x7FE00010, "OB" if bits == 8 or isinstance(frames, list) else "OW", data)
        stored["PixelData"].is_undefined_length = isinstance(frames, list)
    stored.file_meta = FileMetaDataset()
    stored.file_meta.TransferSyntaxUID = syntax
    stored.file_meta.MediaStorageSOPClassUID = stored.SOPClassUID
    stored.file_meta.MediaStorageSOPInstanceUID = stored.SOPInstanceUID
    if OLD:
        stored.is_little_endian, stored.is_implicit_VR = not big, pydicom.uid.UID(syntax).is_implicit_VR
    stored.preamble = bytes(128)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, stored, **({"write_like_original": False} if OLD else {"enforce_file_format": True}))
    return path


def item(**elements):
    """A sequence of one item."""
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return pydicom.Sequence([dataset])


def look_up_table(first, table, bits=16):
    """A sequence of one LUT."""
    sequence = pydicom.Sequence([Dataset()])
    sequence[0].add_new(0x00283002, "SS" if first < 0 else "US", [len(table), first, bits])
    sequence[0].add_new(0x00283006, "US", [int(value) for value in table])
    return sequence


def write_series(folder, voxels, affine, **elements):
    """Write (column, row, slice) voxels with their affine in RAS+ as a CT series, in an order unlike that of places."""
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    files = []
    for index in range(voxels.shape[2]):
        place = {
            "ImagePositionPatient": (lps @ [0, 0, index, 1])[:3].round(6).tolist(),
            "ImageOrientationPatient": (lps[:3, :2] / spacing[:2]).T.reshape(-1).round(8).tolist(),
            "PixelSpacing": [float(spacing[1]), float(spacing[0])],
            "SliceThickness": float(spacing[2]),
            "InstanceNumber": voxels.shape[2] - index,
        }
        name = f"{(index * 7) % 10}-{index}.dcm"
        values = {"Modality": "CT", **place, **elements}
        files.append(write(Path(folder) / name, voxels[:, :, index].T, **values))
    return files
