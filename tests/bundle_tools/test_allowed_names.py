import importlib
import inspect

import pytest

from ssgnet_monai.bundle_tools.allowed_names import LATER, LITERALS, VALUES, allowed_names, refuse_name

NAMES = sorted(name for name in allowed_names() if not name.startswith("np.") and "." in name)


def located(name: str):
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_takes_the_listed_arguments(name):
    if name.startswith("segmentation_models_pytorch."):
        pytest.importorskip("segmentation_models_pytorch", reason="an extra that is not installed here")
    found = located(name)
    assert callable(found)
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):
        return  # written in C
    listed = list(allowed_names()[name])
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    if "networks." not in name and "optim." not in name and not takes_any and "p" not in parameters:
        assert set(listed) <= set(parameters), set(listed) - set(parameters)
    # Arguments by position: of a function all, of a class the first.
    positions = listed[:1] if name.rpartition(".")[2][0].isupper() else listed
    if "networks." not in name and parameters and not takes_any and "p" not in parameters:
        assert positions == list(parameters)[: len(positions)]


def test_what_may_be_handed_on_uncalled_is_a_number_or_a_type():
    for name in VALUES:
        value = located(name.replace("np.", "numpy.", 1) if name.startswith("np.") else name)
        assert not callable(value) or isinstance(value, type)


def test_every_argument_of_few_words_has_them_and_what_may_wait_takes_no_place():
    kinds = {(argument, kind) for arguments in allowed_names().values() for argument, kind in arguments.items()}
    assert {argument for argument, kind in kinds if kind == "="} == set(LITERALS)
    assert not [kind for name in LATER for kind in allowed_names()[name].values() if kind]


@pytest.mark.parametrize("name", ["torch.optim.AdamW", "UNet", "monai.networks.nets.UNet", "np.array", "numpy.array"])
def test_names_that_compute(name):
    assert refuse_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "torch.load",
        "torch.optim.lr_scheduler.partial",
        "torch.optim.lr_scheduler.wraps",
        "torch.nn.init.import_module",
        "torch.nn.functional.importlib",
        "monai.bundle.run",
        "ＵＮｅｔ",
        "UNet ",
        "torch.optim.AdamW.__init__",
        "os.system",
        "",
    ],
)
def test_names_that_do_more_or_look_alike(name):
    assert "not on the list" in refuse_name(name)
