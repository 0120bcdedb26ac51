"""What the feature network of FID and KID is trained on."""

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.engines import SynthesisEvaluation, synthesis_evaluation


class SeenError(Exception):
    """Ends the evaluation where the features would be trained; holds the classes of their images."""


def test_synthetic_images_of_a_grown_list_are_not_among_the_real_ones(tmp_path, monkeypatch):
    def seen(images, classes, *_, **__):
        raise SeenError(images.shape[0], classes)

    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    write_json(tmp_path / "synthetic.json", {"unlabeled": [{"image": "a.png"}]})
    real = {"image": str(tmp_path / "a.png"), "class": "real"}
    training = [real, {**real, "class": "made", "origin": "synthetic"}]
    datalist = {"intensity_window": [0, 255], "training": training}
    monkeypatch.setattr(synthesis_evaluation, "load_or_train_features", seen)
    with pytest.raises(SeenError) as told:
        SynthesisEvaluation([real], datalist, 4, 1, None, "real", tmp_path, tmp_path).run()
    assert told.value.args == (1, ["real"])
