"""The configurations of the bundles that version 0.1.0 shipped: ids at the root, and what they held (hashed)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

EARLIER_CONFIGS = {
    ("segmentation", "train"): """
        dataset_dir:358c4560 image_size:51e8ea28 num_channels:4e074085 intensity_window:74234e98
        voxel_window:74234e98 slice_plane:74234e98 num_labeled:74234e98 labeled_by:654e1e20 steps:39e5b483
        batch_size:e29c9c18 learning_rate:9fca5198 mirror:b5bea41b seed:5feceb66 resume:634635a2
        to_beat:74234e98 imports:b4bb5713 bundle_root:7299b59d output_dir:60d83b28 ckpt_dir:49f88404
        model_path:624869cc device:18d200a6 num_workers:5feceb66 epoch_length:a4b014fb val_interval:6b86b273
        threshold:d2cbad71 datalist:046c83aa labels:c4bb796c network_def:a7956042 network:e9a5eb42
        loss:033815c0 optimizer:a76500b3 lr_scheduler:580d6882 session:8d44f64b train:86362b1a
        validate:25829ca9 initialize:163b869d run:4bc2be6b
    """,
    ("segmentation", "inference"): """
        dataset_dir:c69d425b image_size:51e8ea28 num_channels:4e074085 intensity_window:a48fea4c
        voxel_window:74234e98 slice_plane:74234e98 batch_size:2c624232 threshold:d2cbad71
        max_megapixels:a68b412c imports:b4bb5713 bundle_root:7299b59d output_dir:60d83b28 ckpt_dir:49f88404
        device:18d200a6 num_workers:5feceb66 network_def:a7956042 network:e9a5eb42 preprocessing:7cef8669
        dataset:466fdaa1 dataloader:75d97efb inferer:73880c4a postprocessing:a37ae97a handlers:04208b68
        evaluator:de3e1c94 initialize:a5574b1f run:243e5086
    """,
    ("classification", "train"): """
        dataset_dir:358c4560 recipe:0ef718b7 image_size:84a5092e num_channels:4e074085 architecture:9ea04840
        steps:81a83544 batch_size:a68b412c mirror:b5bea41b seed:5feceb66 resume:634635a2 to_beat:74234e98
        pretrained:5eaa2613 freeze:d20decfd learning_rate:9d0c7e80 patience:1fe7af1d early_stop:1c912042
        augment:3cb65c90 small_images:92cb3a5b recipes:bac21d82 chosen:41129e61 imports:b4bb5713
        bundle_root:7299b59d output_dir:60d83b28 ckpt_dir:49f88404 model_path:624869cc device:18d200a6
        num_workers:5feceb66 epoch_length:d7c127de val_interval:6b86b273 datalist:a37aca50
        network_def:e7447fd4 network:e9a5eb42 loss:5588ee1a optimizer:f1a37d56 lr_scheduler:4022c578
        session:ae311970 train:b1858e48 validate:6938ebcf initialize:163b869d run:b9d91da3
    """,
    ("classification", "inference"): """
        dataset_dir:c69d425b classes:9e0aa582 image_size:84a5092e num_channels:4e074085
        architecture:9ea04840 small_images:f4912eef intensity_window:a48fea4c batch_size:2c624232
        imports:b4bb5713 bundle_root:7299b59d output_dir:60d83b28 ckpt_dir:49f88404 device:18d200a6
        num_workers:5feceb66 network_def:cb8868d1 network:e9a5eb42 preprocessing:3e729b69 dataset:a24cd357
        dataloader:75d97efb inferer:e16b4010 postprocessing:52403f88 handlers:04208b68 evaluator:de3e1c94
        initialize:be866db9 run:2f6ea0e9
    """,
}
"""Bundle and configuration -> ``id:hash`` of every id."""


def shipped_ids(kind: str, name: str) -> dict[str, str]:
    """Id -> hash of a configuration: "train" or "inference" of "segmentation" or "classification"."""
    return dict(word.split(":") for word in EARLIER_CONFIGS[kind, name].split())


def id_hash(value: Any) -> str:
    """Hash of what an id holds."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
