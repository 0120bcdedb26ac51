from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.synthesis_stages import images_to_generate, synthesis_stages
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "classes": ["in situ/early", "late"],
    "training": [{"image": f"{i}.png", "class": "in situ/early" if i < 3 else "late"} for i in range(10)],
}


def demo(*overrides, name="demo"):
    return load_experiment(CONFIGS / "experiments" / f"{name}.yaml", overrides)


def test_generators_get_their_class_and_distinct_seeds(tmp_path):
    stages = synthesis_stages(demo("synthesis.images=10"), DATALIST, tmp_path, cores=2)
    configs = [stage.config.content for stage in stages[::2]]
    assert [(c["class_name"], c["num_images"], c["first_seed"]) for c in configs] == [
        ("in situ/early", 3, 0),
        ("late", 7, 3),
    ]


def test_classifiers_ask_for_exact_numbers_and_segmenters_for_the_larger_ones():
    classification = demo(name="classification")
    assert images_to_generate(classification, DATALIST) == {"in situ/early": 4 + 3, "late": 3}
    both = {**classification, "segmentation": demo()["segmentation"]}
    both["synthesis"]["images"] = 20
    assert images_to_generate(both, DATALIST) == {"in situ/early": 7, "late": 14}
    assert images_to_generate(demo("synthesis=null"), DATALIST) == {}


def test_a_class_that_needs_no_image_gets_no_generator(tmp_path):
    balanced = demo("classification.resnet.settings=[original,balanced]", name="classification")
    stages = synthesis_stages(balanced, DATALIST, tmp_path, cores=2)
    assert [stage.name for stage in stages] == ["generator_in_situ_early", "synthesis_in_situ_early"]
