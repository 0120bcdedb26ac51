"""The classes of what is served, from the metadata of bundles; without a server."""

import json

import pytest

from ssgnet_monai.label_app.bundle_classes import TWO, bundle_classes, served_classes
from tests.label.conftest import CLASSIFIER, make_bundle


def foreign(folder, channels):
    (folder / "configs").mkdir(parents=True)
    content = {"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(content))
    (folder / "configs" / "inference.json").write_text("{}")
    return folder


def test_names_by_number(tmp_path):
    assert bundle_classes(make_bundle(tmp_path / "two")) == ["background", "lesion"]
    assert bundle_classes(make_bundle(tmp_path / "three", classes=("organ", "tumour"))) == [
        "background",
        "organ",
        "tumour",
    ]


def test_metadata_of_other_classes_than_are_predicted(tmp_path):
    bundle = make_bundle(tmp_path, num_classes=3)
    with pytest.raises(ValueError, match="Expected a name for each of the 3 classes of ssgnet_segmentation"):
        bundle_classes(bundle)


def test_bundles_of_others(tmp_path):
    assert bundle_classes(foreign(tmp_path / "a", {"1": "spleen", "0": "background"})) == ["background", "spleen"]
    assert bundle_classes(foreign(tmp_path / "b", {"0": "core", "2": "whole"})) == TWO
    assert bundle_classes(foreign(tmp_path / "c", {})) == TWO


def test_one_server_has_one_list_of_classes(tmp_path):
    three = make_bundle(tmp_path / "three", classes=("organ", "tumour"))
    two, other = make_bundle(tmp_path / "two"), foreign(tmp_path / "polyp_segmentation", {"0": "background", "1": "x"})
    classifier = make_bundle(tmp_path / "classes", "classification")
    assert classifier.name == CLASSIFIER
    assert served_classes([three, classifier]) == ["background", "organ", "tumour"]
    assert served_classes([two, other]) == ["background", "lesion"]
    assert served_classes([classifier]) == TWO
    with pytest.raises(ValueError, match="Expected segmenters of the same classes.*background, organ, tumour"):
        served_classes([three, other])
