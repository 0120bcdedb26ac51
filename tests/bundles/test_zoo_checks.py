"""What MONAI's model zoo asks of a bundle, for every bundle here, from a working folder that is not the bundle's."""

import json
import logging.config
from pathlib import Path

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from tests.bundles.conftest import REPOSITORY, TINY_GAN

BUNDLES = sorted(path.parents[1] for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
SCHEMA = Path(__file__).with_name("metadata_schema.json")
SMALL_VMUNET = {
    "network_def#dims": [4, 8, 16, 32],
    "network_def#depths": [1, 1, 1, 1],
    "network_def#depths_decoder": [1, 1, 1, 1],
    "network_def#d_state": 2,
}
# For networks not named here the published size is built.
SMALL = {
    "ssgnet_classification": {"architecture": "test_resnet", "small_images": False},
    "ssgnet_synthesis": TINY_GAN,
    "ssgnet_segmentation": {**SMALL_VMUNET, "image_size": 32},
}
WORKFLOWS = [
    (bundle, names)
    for bundle in BUNDLES
    for names in (["train"], ["train", "rounds"], ["train", "evaluate"], ["inference"])
    if all((bundle / "configs" / f"{name}.yaml").exists() for name in names)
]


def metadata(bundle):
    return json.loads((bundle / "configs" / "metadata.json").read_text())


FROM_IMAGES = [bundle for bundle in BUNDLES if "image" in metadata(bundle)["network_data_format"]["inputs"]]
every_bundle = pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
every_bundle_from_images = pytest.mark.parametrize("bundle", FROM_IMAGES, ids=lambda path: path.name)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("bundle", "names"), WORKFLOWS, ids=[f"{bundle.name}-{'-'.join(names)}" for bundle, names in WORKFLOWS]
)
def test_no_property_is_missing(bundle, names, phantom, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"the folder of images asks for the hash of its generator")
    pictures = names == ["inference"] and bundle in FROM_IMAGES
    data = phantom / "images" if pictures else phantom
    workflow = ConfigWorkflow(
        config_file=[str(bundle / "configs" / f"{name}.yaml") for name in names],
        meta_file=str(bundle / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if names == ["inference"] else "train",
        **{"bundle_root": str(bundle), "device": "cpu", "output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)},
        **{"dataset_dir": str(data), "initialize": [], "run": [], "rounds": []},
        **SMALL.get(bundle.name, {}),
    )
    workflow.initialize()
    assert workflow.check_properties() == []


@every_bundle
def test_metadata_follows_the_specification(bundle):
    monai.bundle.verify_metadata(meta_file=str(bundle / "configs" / "metadata.json"), filepath=str(SCHEMA))
    content = metadata(bundle)
    assert content["version"] in content["changelog"]
    assert next(iter(content["network_data_format"]["outputs"])) == "pred"


def test_the_schema_can_refuse(tmp_path):
    content = metadata(BUNDLES[0])
    del content["task"]
    (tmp_path / "metadata.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="'task' is a required property"):
        monai.bundle.verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(SCHEMA))


@every_bundle
def test_the_logging_file_passes_monais_screen(bundle, monkeypatch):
    applied = []
    monkeypatch.setattr(monai.bundle.workflows, "fileConfig", lambda file, **_: applied.append(file.read()))
    monai.bundle.workflows._apply_logging_file(str(bundle / "configs" / "logging.conf"))
    assert "StreamHandler" in applied[0]
    assert logging.config.fileConfig is not monai.bundle.workflows.fileConfig


@every_bundle
def test_the_files_that_a_bundle_needs_are_there(bundle):
    for name in ("LICENSE", "docs/README.md", "configs/train.yaml", "configs/inference.yaml", "configs/logging.conf"):
        assert (bundle / name).stat().st_size > 0


def network(bundle, **overrides):
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.yaml"))
    for key, value in {**SMALL.get(bundle.name, {}), **overrides}.items():
        parser[key.replace("#", "::")] = value
    torch.manual_seed(0)
    return parser.get_parsed_content("network_def").eval()


@every_bundle_from_images
def test_shapes_and_types_are_those_of_the_metadata(bundle):
    files = {name: str(bundle / "configs" / name) for name in ("metadata.json", "inference.yaml")}
    monai.bundle.verify_net_in_out(
        "network_def", meta_file=files["metadata.json"], config_file=files["inference.yaml"], device="cpu"
    )


def export(function, bundle, name, tmp_path):
    """Export a small network with random weights; returns it, an image and the exported file."""
    trained = network(bundle)
    torch.save(trained.state_dict(), tmp_path / "model.pt")
    function(
        net_id="network_def",
        filepath=str(tmp_path / name),
        ckpt_file=str(tmp_path / "model.pt"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.yaml"),
        use_trace=True,
        input_shape=[1, 3, 32, 32],
        **SMALL.get(bundle.name, {}),
    )
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return trained, image, tmp_path / name


@every_bundle_from_images
def test_torchscript_gives_the_same(bundle, tmp_path):
    trained, image, file = export(monai.bundle.ckpt_export, bundle, "model.ts", tmp_path)
    with torch.no_grad():
        expected = trained(image)
        assert expected.std() > 0
        torch.testing.assert_close(torch.jit.load(str(file))(image), expected)


@pytest.mark.slow
@every_bundle_from_images
def test_onnx_gives_the_same(bundle, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    trained, image, file = export(monai.bundle.onnx_export, bundle, "model.onnx", tmp_path)
    model = onnx.load(str(file))
    (found,) = reference.ReferenceEvaluator(model).run(None, {model.graph.input[0].name: image.numpy()})
    with torch.no_grad():
        expected = trained(image)
    assert expected.std() > 0
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-5)


def test_the_generator_makes_the_images_of_its_metadata(phantom, tmp_path):
    """The zoo's checks know networks with images in; this is the same for latents."""
    bundle = next(bundle for bundle in BUNDLES if bundle not in FROM_IMAGES)
    latent, pred = (
        next(iter(metadata(bundle)["network_data_format"][side].values())) for side in ("inputs", "outputs")
    )
    generator = network(bundle, dataset_dir=str(phantom), z_dim=latent["spatial_shape"][0])
    z = torch.randn(2, *latent["spatial_shape"], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        images = generator(z)
        assert images.shape == (2, pred["num_channels"], TINY_GAN["image_size"], TINY_GAN["image_size"])
        assert str(images.dtype) == f"torch.{pred['dtype']}"
        assert images.isfinite().all()
        assert images.abs().max() < 10 * max(pred["value_range"])
        again = torch.randn(2, *latent["spatial_shape"], generator=torch.Generator().manual_seed(0))
        assert torch.equal(generator(again), images)
        torch.testing.assert_close(generator(z[1:]), images[1:])
        assert (images[0] - images[1]).abs().max() > 0.01
        torch.jit.trace(generator, z).save(str(tmp_path / "model.ts"))
        torch.testing.assert_close(torch.jit.load(str(tmp_path / "model.ts"))(z), images)
