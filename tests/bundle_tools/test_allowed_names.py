import pytest

from ssgnet_monai.bundle_tools.allowed_names import exported_names, refuse_name


@pytest.mark.parametrize(
    "name",
    [
        "UNet",
        "SupervisedTrainer",
        "DataLoader",
        "PILWriter",
        "monai.networks.nets.UNet",
        "ssgnet_monai.networks.stylegan3.Generator",
        "torch.optim.AdamW",
        "torchvision.models.resnet50",
        "timm.create_model",
        "ignite.metrics.Accuracy",
    ],
)
def test_what_computes_may_be_named(name):
    assert refuse_name(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("UNett", "UNett is no public name of MONAI's"),
        ("ssgnet_monai.networks.VMNet", "VMNet is no public name of ssgnet_monai.networks"),
        ("subprocess.run", "subprocess is none of the packages ignite, monai,"),
        ("torch.load", "torch.load is not among the names of torch"),
        ("timm.models.load_checkpoint", "not among the names of timm"),
        ("torch..nn", "not a plain dotted name"),
        ("torch.nn._C", "without leading underscores"),
        ("torch.nn.Ｌinear", "not a plain dotted name"),
    ],
)
def test_all_else_is_refused_with_its_reason(name, reason):
    assert reason in refuse_name(name)


def test_names_are_read_from_the_source_of_a_package():
    assert {"load_datalist", "LatentDataset"} <= exported_names("ssgnet_monai.data")
    assert exported_names("ssgnet_monai.absent") == exported_names("absent_package") == frozenset()
