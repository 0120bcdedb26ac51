"""The tables of data, synthesis, settings, time and the paper's own figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ssgnet_monai.metrics.inception import INCEPTION
from ssgnet_monai.report.number_format import count, duration, fixed, short_hash, significant
from ssgnet_monai.report.table import Cell, Table, mean_sd, number, said, text


def data_table(data: dict[str, Any]) -> Table:
    """Images per class and split, with groups (patients, lesions) and labelled images."""
    names = {"training": "Training", "validation": "Validation", "test": "Test", "unlabeled": "Unlabelled pool"}
    parts = {name: data["splits"][split] for split, name in names.items()}
    grouped = any(part["groups"] for part in parts.values())
    masked = any(part["labelled"] for part in parts.values())
    cut = any(part["volumes"] for part in parts.values())
    kinds = [*(["volumes"] if cut else []), "images", *(["labelled"] if masked else [])]
    cells = []
    for name, part in parts.items():
        by_class = [number(part["by_class"][label], count) for label in data["classes"]]
        totals = [number(part[key], count) for key in kinds]
        cells.append([text(name), *by_class, *totals, number(part["groups"] if grouped else None, count)])
    heads = {"volumes": "Volumes", "images": "Slices" if cut else "Images", "labelled": "With mask"}
    totals_head = [*(heads[kind] for kind in kinds), "Groups"]
    groups = [("All classes", len(totals_head))]
    if data["classes"]:
        groups.insert(0, ("Class", len(data["classes"])))
    note = "Groups (patients, lesions) never cross a split." + (
        f" Groups come from: {data['group_source']}." if data["group_source"] else ""
    )
    if not grouped:
        note = (
            "No groups (patients, lesions) were given: images of one patient may lie in several splits, and test "
            "scores may then be too high."
        )
    return Table(
        caption=f"Images of {data['name']} per split",
        columns=["Split", *data["classes"], *totals_head],
        groups=groups,
        rows=cells,
        notes=[note],
    )


def synthesis_table(entry: dict[str, Any]) -> Table:
    """KID first, FID beside it, with the reference distances that give them a scale."""
    cells = []
    for distance in entry["distances"]:
        size = f"N={said(distance['n'])}"
        bias = Cell([], [f"FID biased ({size})"]) if distance["fid_biased"] else text(size)
        fid = [number(distance["fid"], significant), bias] if distance["fid"] is not None else [text(None), text(None)]
        cells.append([text(distance["name"]), _kid(distance["kid"]), *fid])
    if entry["paper_fid"] is not None:
        cells.append([text("Paper, Table 1"), text(None), number(entry["paper_fid"], _two), text("not stated")])
    features, kid = entry.get("features") or {}, entry["distances"][0]["kid"] or {}
    name = f"{features.get('name', 'unknown')} ({short_hash(features.get('sha256'))})"
    if features.get("sha256") != INCEPTION.sha256:
        name += ", not comparable with published FID and KID"
    subsets = f" KID: {said(kid.get('subsets'))} subsets of {said(kid.get('subset_size'))}." if kid else ""
    return Table(
        caption=f"Distance to the real images, generator {entry['class']}",
        columns=["Images", "KID, mean ± sd", "FID", "Images in the smaller set"],
        rows=cells,
        strong_rows={0},
        notes=[
            f"{said(entry['n_synthetic'])} synthetic against {said(entry['n_real'])} real {said(entry['split'])} "
            f"images, seed {said(entry['seed'])}. Lower is nearer; FID on fewer than 2048 images is biased upward, so "
            f"read KID. Feature extractor: {name}; resizer: {said(entry['resizer'])}.{subsets}"
            + (f" {entry['left_out']}" if entry.get("left_out") else "")
            + (" The paper's FID is of other images and not comparable." if entry["paper_fid"] is not None else "")
        ],
    )


def benchmark_table(benchmarks: list[dict[str, Any]]) -> Table:
    """Seconds, processor seconds and peak memory of each stage."""
    return Table(
        caption="Time and peak memory per stage",
        columns=["Stage", "Time", "Processor time", "Peak memory, MB"],
        rows=[
            [
                text(entry["stage"]),
                number(entry["seconds"], duration),
                number(entry["cpu_seconds"], duration),
                number(entry["peak_memory_mb"], count),
            ]
            for entry in benchmarks
        ],
        notes=["Wall-clock seconds and resident memory as Snakemake measured them; a dash means too short to sample."],
    )


def paper_tables(paper: dict[str, Any]) -> list[Table]:
    """The paper's own figures for the same dataset: Table 2, Tables 5 and 6, Table 1; what it has not is left out."""
    names = ("dice", "miou", "accuracy", "sensitivity", "specificity")
    main = [
        [text(e["model"]), text(e["form"]), *(number(e[name], _four) for name in names)] for e in paper["segmentation"]
    ]
    rounds = [
        [text(f"{e['model']}, round {e['round']}"), text(e["form"]), *(number(e[name], _four) for name in names[:3])]
        for e in paper["rounds"]
    ]
    fid = [[text(name), number(distance, _two)] for name, distance in paper["fid"].items()]
    found = [
        Table("Paper, Table 2", ["Model", "Form", "Dice", "mIoU", "Accuracy", "Sensitivity", "Specificity"], main),
        Table("Paper, Tables 5 and 6: rounds", ["Model", "Form", "Dice", "mIoU", "Accuracy"], rounds),
        Table("Paper, Table 1: FID", ["Generator", "FID"], fid),
    ]
    return [table for table in found if table.rows]


def volumes_tables(published: dict[str, Any]) -> list[Table]:
    """What others have published of a dataset of volumes, by the number of labelled ones."""
    return [
        Table(
            f"Published results on this dataset, {table['labelled']} labelled volumes",
            ["Method", "Dice", "Jaccard", "HD95, voxels", "ASD, voxels", "Source"],
            [
                [
                    text(e["model"]),
                    *(number(e[name], _four) for name in ("dice", "jaccard")),
                    *(number(e[name], _two) for name in ("hd95", "asd")),
                    text(e["source"]),
                ]
                for e in table["rows"]
            ],
        )
        for table in published["tables"]
    ]


def provenance_table(report: dict[str, Any]) -> Table:
    """Seed and configuration hash of every result."""
    cells = [
        [text(f"Generator {e['class']}"), text(e.get("seed")), text(short_hash(e.get("config_sha256")))]
        for e in report["synthesis"]
    ]
    kinds = (("seeds", str), ("config_sha256", short_hash))
    cells += [
        [text(row["row"]), *(text(", ".join(map(form, row[key]))) for key, form in kinds)]
        for row in (*_with_controls(report["segmentation"]), *report["classification"])
    ]
    return Table("Seeds and configuration hashes", ["Result", "Seeds", "Configuration SHA-256"], cells)


def _with_controls(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, then the controls of all of them, each once."""
    controls = {control["row"]: control for row in rows for control in row["control_rows"]}
    return [*rows, *controls.values()]


def settings_table(caption: str, settings: dict[str, Any]) -> Table:
    """A nested dict of settings as dotted names and values."""
    return Table(caption, ["Setting", "Value"], [[text(name), text(value)] for name, value in _flatten(settings)])


def _kid(kid: dict[str, Any] | None) -> Cell:
    """KID with the standard deviation to as many decimals as the mean."""
    if not kid or kid.get("mean") is None:
        return text(None)
    decimals = len(significant(kid["mean"]).partition(".")[2])
    if "e" in significant(kid["mean"]):
        return mean_sd(kid, significant)
    return mean_sd(kid, lambda content: fixed(content, decimals))


def _flatten(content: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(content, list) and any(isinstance(value, (dict, list)) for value in content):
        for index, value in enumerate(content):
            yield from _flatten(value, f"{prefix}.{index}")
    elif isinstance(content, list):
        yield prefix, ", ".join(map(str, content))
    else:
        yield prefix, str(content)


def _four(value: float | None) -> str:
    return fixed(value, 4)


def _two(value: float | None) -> str:
    return fixed(value, 2)
