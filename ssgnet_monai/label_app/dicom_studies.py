"""Studies of a DICOMweb server with labels of more than two classes, known by their segments' names."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicomweb_client import DICOMwebClient
from dicomweb_client.ext.gcp.session_utils import create_session_from_gcp_credentials
from dicomweb_client.session_utils import create_session_from_user_pass
from monailabel.config import settings
from monailabel.datastore.dicom import DICOMwebClientX, DICOMWebDatastore
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.datastore import DefaultLabelTag

from ssgnet_monai.label_app.label_classes import numbered_label, submitted_classes
from ssgnet_monai.label_app.label_history import CLASSES

logger = logging.getLogger(__name__)
FINAL = DefaultLabelTag.FINAL.value


class DicomStudies(DICOMWebDatastore):
    """MONAI Label's store of a DICOMweb server, which numbers the segments of a DICOM-SEG by their order in the file.

    Args:
        url: address of the server; account, prefixes and filter are those of MONAI Label's settings.
        classes: names of mask values 0, 1, ....
    """

    def __init__(self, url: str, classes: Sequence[str]) -> None:
        self.classes = classes
        super().__init__(
            archive_client(url),
            settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER,
            settings.MONAI_LABEL_DICOMWEB_CACHE_PATH,
            settings.MONAI_LABEL_DICOMWEB_FETCH_BY_FRAME,
            settings.MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI,
        )

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], label_id: str = ""
    ) -> str:
        """Save a label as class numbers, and send it as DICOM-SEG with the names of the segments that it shows.

        Raises:
            ValueError: see ``submitted_classes``.
        """
        if label_tag != FINAL:
            return super().save_label(image_id, label_filename, label_tag, label_info, label_id)
        with tempfile.TemporaryDirectory() as folder:
            listed = (label_info or {}).get("label_info") or []
            file = numbered_label(Path(label_filename), self.classes, listed, Path(folder))
            shown = np.unique(submitted_classes(file, self.classes, [])[0])
            names = [{"name": self.classes[number], "idx": int(number)} for number in shown if number in self._numbers]
            info = {**(label_info or {}), "label_info": names, CLASSES: list(self.classes)}
            return super().save_label(image_id, str(file), label_tag, info, label_id)

    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str:
        """Path of a label; one that comes from the server becomes class numbers."""
        path = super().get_label_uri(label_id, label_tag, image_id)
        here = LocalDatastore.get_label_uri(self, image_id, FINAL) if label_tag == FINAL and image_id else ""
        if here and CLASSES not in self.get_label_info(image_id, FINAL):
            try:
                self._number(image_id, Path(here), Path(self._datastore.label_path(FINAL)) / label_id)
            except ValueError as error:
                logger.warning("%s is left out of the training: %s", image_id, error)
                Path(here).unlink()
        return path

    @property
    def _numbers(self) -> range:
        return range(1, len(self.classes))

    def _number(self, image_id: str, label: Path, series: Path) -> None:
        (file,) = sorted(series.iterdir())
        segments = pydicom.dcmread(file, stop_before_pixels=True).SegmentSequence
        listed = [{"name": str(part.SegmentLabel), "idx": int(part.SegmentNumber)} for part in segments]
        info = {**self.get_label_info(image_id, FINAL), CLASSES: list(self.classes)}
        with tempfile.TemporaryDirectory() as folder:
            numbered = numbered_label(label, self.classes, listed, Path(folder))
            if numbered == label:
                self.update_label_info(image_id, FINAL, info)
                return
            label.unlink()
            LocalDatastore.save_label(self, image_id, str(numbered), FINAL, info)


def archive_client(url: str) -> DICOMwebClient:
    """What asks a DICOMweb server, with the account and the prefixes of MONAI Label's settings.

    Args:
        url: address of the server.
    """
    if "googleapis.com" in url:
        return DICOMwebClient(url, session=create_session_from_gcp_credentials())
    user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
    return DICOMwebClientX(
        url,
        session=create_session_from_user_pass(user, password) if user and password else None,
        qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
        wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
        stow_url_prefix=settings.MONAI_LABEL_STOW_PREFIX,
    )
