"""Inception's weights are named by the user: nothing is fetched, and no other file takes their place."""

import socket

import pytest
import torch

from ssgnet_monai import cli
from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.metrics import features as features_module
from ssgnet_monai.metrics import inception, load_or_train_features


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


class Stand(torch.nn.Module):
    """A network with the shape of Inception's features."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d((32, 64)), torch.nn.Conv2d(3, 1, 1))

    def forward(self, x):
        return self.layers(x)


@pytest.fixture
def stand(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.jit.script(Stand()).save(str(tmp_path / inception.INCEPTION.name))
    return tmp_path / inception.INCEPTION.name


def test_a_file_that_is_not_there_is_no_reason_for_other_features(tmp_path):
    images = torch.rand(4, 3, 8, 8)
    for path in (tmp_path, tmp_path / inception.INCEPTION.name, tmp_path / "other.pt"):
        with pytest.raises(FileNotFoundError, match=r"inception-2015-12-05\.pt, got .*ssgnet data download inception"):
            load_or_train_features(images, None, tmp_path, inception=path)
    assert not list(tmp_path.iterdir())


def test_no_other_file_is_loaded(stand):
    with pytest.raises(ValueError, match="SHA-256 f58cb9b6ec32, got .* damaged or another file"):
        inception.inception_features(stand)


def test_the_file_that_is_named_is_used(stand, tmp_path, monkeypatch):
    for path in (stand, tmp_path):
        extractor = inception.inception_features(path, sha256=sha256_file(stand))
        assert extractor.name.startswith("clean-fid Inception")
        assert extractor.sha256 == sha256_file(stand)
        assert extractor(torch.rand(3, 3, 8, 8)).shape == (3, 2048)


def test_the_download_is_a_command_of_its_own(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ssgnet_monai.data.datasets.download.download_file", lambda file, folder: asked.append((file, folder))
    )
    assert cli.main(["data", "download", "inception", "--out", str(tmp_path)]) == 0
    assert asked == [(inception.INCEPTION, str(tmp_path))]


def test_all_scores_of_a_run_come_from_one_extractor(tmp_path, monkeypatch):
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    first = load_or_train_features(images, None, tmp_path, features="learnt")
    assert load_or_train_features(images, None, tmp_path, features="learnt").sha256 == first.sha256
    other = load_or_train_features(images.flip(0), None, tmp_path / "another run", features="learnt")
    monkeypatch.setattr(features_module, "inception_features", lambda *_, **__: other)
    with pytest.raises(ValueError, match="one extractor for all scores .*remove .*extractor.json"):
        load_or_train_features(images, None, tmp_path, inception="inception-2015-12-05.pt")
    (tmp_path / "extractor.json").unlink()  # the advice
    assert load_or_train_features(images, None, tmp_path, inception="inception-2015-12-05.pt") is other
