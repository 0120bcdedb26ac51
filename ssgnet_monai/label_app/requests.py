"""What a request may ask for: names, tags and settings that stay inside the studies and the bundle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"[^\W_][\w .,()+=@#&'~\[\]-]{0,199}")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RESULTS = (".nii", ".nii.gz", ".nrrd", ".seg.nrrd", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DTYPE = re.compile(r"u?int(8|16|32)|float32|bool")
MOST_EPOCHS = 1_000_000
METHODS = ("rounds", "cotraining")
"""By which unlabelled studies train: run ids of the bundle, and its configurations of the same names."""
HISTORY = "history"
"""Folder beside the tags in which earlier labels lie: no tag."""
BAD_QUERY = re.compile(r"[/\\\x00-\x1f\x7f]|%(2e|2f|5c|00|25)|^\.{1,2}$", re.IGNORECASE)


def check_query(name: str, value: str) -> None:
    """Refuse a value that could be a path.

    Raises:
        ValueError: it holds a separator, a control character, an encoded one, or is a folder's name for itself.
    """
    if BAD_QUERY.search(value) or len(value) > 255:
        raise ValueError(f"Expected a study's or label's own name as {name}, got {value[:80]!r}: no paths.")


def new_name(name: str) -> str:
    """The name of a study that is uploaded.

    Raises:
        ValueError: no plain file name.
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(
            f"Expected a plain name for the study (letters, digits, spaces and .,()+=@#&'~[]-), got {name[:80]!r}. "
            "Rename it."
        )
    return name


def check_tag(tag: str) -> str:
    """A label's tag.

    Raises:
        ValueError: it could be a path, or is the folder of earlier labels.
    """
    if not TAG.fullmatch(tag) or tag == HISTORY:
        raise ValueError(f"Expected a tag such as final or original, got {tag[:80]!r}.")
    return tag


def check_inference(request: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an inference request that reach a configuration or a file name.

    Args:
        request: what was asked.
        config: the model's own options; ``model_filename`` lists its weights.

    Raises:
        ValueError: another value than those that can be chosen.
    """
    checked: dict[str, Any] = _device(request) | _weights(request, config)
    extension = request.get("result_extension")
    if extension and extension not in RESULTS:
        raise ValueError(f"Expected result_extension among {', '.join(RESULTS)}, got {str(extension)[:80]!r}.")
    dtype = request.get("result_dtype")
    if dtype and not (isinstance(dtype, str) and DTYPE.fullmatch(dtype)):
        raise ValueError(f"Expected result_dtype such as uint8, got {str(dtype)[:80]!r}.")
    if "label_tag" in request:
        check_tag(str(getattr(request["label_tag"], "value", request["label_tag"])))
    level = request.get("logging", "INFO")
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError(f"Expected logging DEBUG, INFO, WARNING or ERROR, got {str(level)[:80]!r}.")
    return checked


def check_training(request: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training, each of the type and range that it can have; an empty ``run_id`` is ``run``.

    Args:
        request: what was asked.
        config: the trainer's own options; ``model_filename`` lists its weights.

    Returns:
        The checked settings; others of the request are not for a configuration.

    Raises:
        ValueError: another value; the message names it.
    """
    epochs, split = request.get("max_epochs", 50), request.get("val_split", 0.2)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or not 1 <= epochs <= MOST_EPOCHS:
        raise ValueError(f"Expected max_epochs, a whole number from 1 to {MOST_EPOCHS}, got {str(epochs)[:80]!r}.")
    if isinstance(split, bool) or not isinstance(split, int | float) or not 0 <= split < 1:
        raise ValueError(
            f"Expected val_split, the share of the labels that validate, from 0 to below 1, got {str(split)[:80]!r}."
        )
    for name in ("pretrained", "multi_gpu", "semi_supervised"):
        if not isinstance(request.get(name, True), bool):
            raise ValueError(f"Expected {name} true or false, got {str(request[name])[:80]!r}.")
    if request.get("pretrained", True) is False:
        raise ValueError("Expected pretrained true: MONAI Label cannot train from other than saved weights.")
    if request.get("force_multi_gpu", False) is not False:
        raise ValueError("Expected no force_multi_gpu: several GPUs are used where there are some.")
    gpus = request.get("gpus") or "all"
    if gpus != "all" and not re.fullmatch(r"\d{1,2}(,\d{1,2})*", str(gpus)):
        raise ValueError(f"Expected gpus 'all' or numbers such as 0,1, got {str(gpus)[:80]!r}.")
    run_id = request.get("run_id") or "run"
    if run_id != "run":
        raise ValueError(f"Expected run_id 'run' or nothing, got {str(run_id)[:80]!r}.")
    tracking = request.get("tracking")
    tracking = tracking[0] if isinstance(tracking, list) and tracking else tracking
    if tracking not in (None, "", "None", "none"):
        raise ValueError(f"Expected tracking None: this server sends nothing elsewhere, got {str(tracking)[:80]!r}.")
    rounds = request.get("rounds", 1)
    rounds = rounds[0] if isinstance(rounds, list) and rounds else rounds
    if str(rounds) not in ("1", "2"):
        raise ValueError(f"Expected rounds 1 or 2, got {str(rounds)[:80]!r}.")
    method = request.get("method", METHODS[0])
    method = method[0] if isinstance(method, list) and method else method
    if method not in METHODS:
        raise ValueError(f"Expected method {' or '.join(METHODS)}, got {str(method)[:80]!r}.")
    return {
        "max_epochs": epochs,
        "val_split": split,
        "run_id": run_id,
        "gpus": gpus,
        "tracking": "None",
        "tracking_uri": "",
        "rounds": int(rounds),
        "method": method,
        **_device(request),
        **_weights(request, config),
    }


def _device(request: Mapping[str, Any]) -> dict[str, Any]:
    from monailabel.utils.others.generic import device_list

    device, known = request.get("device"), device_list()
    device = device[0] if isinstance(device, list) and device else device
    if device is None:
        return {}
    if device not in (*known, "cpu", "cuda") and not (
        isinstance(device, str) and re.fullmatch(r"cuda:\d{1,2}", device)
    ):
        raise ValueError(f"Expected a device among {', '.join(known)}, got {str(device)[:80]!r}.")
    return {"device": device}


def _weights(request: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    name, known = request.get("model_filename"), config.get("model_filename") or []
    name = name[0] if isinstance(name, list) and name else name
    if name is None or not known:
        return {}
    if name not in known:
        raise ValueError(f"Expected model_filename among {', '.join(known)}, got {str(name)[:80]!r}.")
    return {"model_filename": name}
