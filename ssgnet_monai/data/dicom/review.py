"""Which DICOM pictures somebody must look at before they are used: those whose pixels may show a patient's name."""

from __future__ import annotations

import re

from pydicom.dataset import Dataset
from pydicom.uid import UID

SCANNERS = frozenset({"CT", "MR", "PT", "NM", "CR", "DX", "MG", "IO"})
"""Modalities whose pictures hold what was measured, and no text. Ultrasound, endoscopes, fluoroscopy, slides do not."""
MEASURED = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{ending}"
    for ending in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1"),  # CR; X-ray, mammography, intra-oral
        *("2", "2.1", "2.2", "4", "4.1", "4.4"),  # CT and MR: plain, enhanced, legacy converted
        *("20", "128", "128.1", "130"),  # nuclear medicine, PET: plain, legacy converted, enhanced
    )
)
"""SOP classes of such pictures; whatever else there is, secondary captures first of all, may be a screen."""
SCREENS = re.compile(r"SCREEN|CAPTURE|SNAPSHOT|REPORT|PROTOCOL|\bPROT\b|DOSE")


def needs_review(data: Dataset) -> str:
    """Why somebody must look at a picture.

    Args:
        data: the header's ``Modality``, ``SOPClassUID``, ``ConversionType``, ``ImageType`` and ``BurnedInAnnotation``.

    Returns:
        The attributes that say so, with their values; nothing where none does.

    Source: DICOM PS3.3, C.7.6.1 (General Image), C.8.6.1 (SC Equipment); PS3.15, E.3.4 (clean pixel data).
    """
    modality, sop_class = _text(data, "Modality"), _text(data, "SOPClassUID")
    conversion, burned = _text(data, "ConversionType"), _text(data, "BurnedInAnnotation")
    image_type = _text(data, "ImageType")
    found = []
    if sop_class not in MEASURED:
        known = UID(sop_class).name
        found.append(f"SOPClassUID {known if known != sop_class else 'unknown' if sop_class else 'absent'}")
    if modality not in SCANNERS:
        found.append(f"Modality {modality[:16] or 'absent'}")
    if conversion:
        found.append(f"ConversionType {conversion[:16]}")
    if SCREENS.search(image_type):
        found.append(f"ImageType {image_type[:64]}")
    if burned not in ("", "NO"):
        found.append(f"BurnedInAnnotation {burned[:16]}")
    return ", ".join(found)


def _text(data: Dataset, keyword: str) -> str:
    value = data.get(keyword)
    parts = [value] if value is None or isinstance(value, str) else list(value)
    return "\\".join(str(part or "").strip().upper() for part in parts)
