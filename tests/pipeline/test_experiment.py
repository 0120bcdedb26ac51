import pytest

from ssgnet_monai.pipeline.config_files import config_file
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.shipped import CONFIGS

DEMO = CONFIGS / "experiments" / "demo.yaml"


@pytest.mark.parametrize("path", sorted((CONFIGS / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_experiment_loads(path):
    experiment = load_experiment(path)
    assert experiment["name"] == path.stem
    assert experiment["output_dir"] == f"runs/{path.stem}"


def test_overrides_reach_nested_settings_as_yaml():
    experiment = load_experiment(DEMO, ["seeds=[0,1,2]", "segmentation.unet.config.start=warm", "synthesis.images=10"])
    assert experiment["seeds"] == [0, 1, 2]
    assert experiment["segmentation"]["unet"]["config"]["start"] == "warm"
    assert experiment["synthesis"]["images"] == 10


def test_the_budget_scales_what_costs_time_and_nothing_else():
    whole, tenth = load_experiment(DEMO), load_experiment(DEMO, ["budget=0.1"])
    assert tenth["synthesis"]["images"] == whole["synthesis"]["images"] / 10
    for group, row, lengths in (("synthesis", None, ["kimg"]), ("segmentation", "unet", ["steps"])):
        before, after = (settings_of(experiment, group, row).merged for experiment in (whole, tenth))
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {*lengths, *({"epoch_length"} if row else ())}
        assert [after[key] for key in lengths] == pytest.approx([before[key] / 10 for key in lengths])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("segmentaton={}", "Did you mean 'segmentation'"),
        ("segmentation.unte.num_labeled=3", r"keys \['unet'\] in segmentation of .*demo.yaml, got 'unte'.*'unet'"),
        ("segmentation.unet.config.stepz=3", r"in segmentation\.unet\.config, got 'stepz'\. Did you mean 'steps'"),
        ("segmentation.unet.config.netwrk_def#dims=3", "got 'netwrk_def'. Did you mean 'network_def'"),
        ("segmentation.unet.config=fast", "group of settings in segmentation.unet.config, got 'fast'"),
        ("segmentation=[unet]", "group of settings in segmentation, got"),
        ("synthesis.config.kimgs=2", r"in synthesis\.config, got 'kimgs'\. Did you mean 'kimg'"),
        ("synthesis.profile=synthesis_32px_gpu", r"profiles \[.*got .*Did you mean 'synthesis_32px_cpu'"),
        ("segmentation.unet.profile=synthesis_32px_cpu", r"in .*synthesis_32px_cpu\.yaml, got 'kimg'"),
        ("synthesis=3", "group of settings in synthesis, got 3"),
        ("classificaton={}", "Did you mean 'classification'"),
        ("growht={}", "Did you mean 'growth'"),
        ("growth=3", "group of settings in growth, got 3"),
        ("dataset=phantm", "Did you mean 'phantom'"),
        ("prepare.num_image=[1,1]", r"in prepare \(dataset phantom\), got 'num_image'\. Did you mean 'num_images'"),
        ("synthesis.clases=all", "Did you mean 'classes'"),
        ("synthesis.classes=one", "'each' or 'all', got 'one'"),
        ("budget=2", r"budget in \(0, 1\], got 2"),
        ("seeds=0", "list of whole numbers, got 0"),
        ("name.first=1", "group of settings, it holds 'demo'"),
        ("image_size=big", "whole number of at least 1 for image_size, got 'big'"),
        ("synthesis.images=many", "whole number of at least 1 for synthesis.images, got 'many'"),
        ("synthesis.config.kimg=some", r"number for kimg in synthesis\.config, such as 15, got 'some'"),
        ("segmentation.unet.num_labeled=few", r"at least 1 for segmentation\.unet\.num_labeled, got 'few'"),
        ("segmentation.unet.config.steps=long", r"number for steps in segmentation\.unet\.config, .* got 'long'"),
        ("segmentation={..: {}}", r"names of letters.* in segmentation, got '\.\.'"),
        ("segmentation={a/b: {}}", "names of letters.* in segmentation, got 'a/b'"),
        ("segmentation={a b: {}, A_b: {}}", "in segmentation that differ in more than case"),
        ("seeds=[a]", r"list of whole numbers, got \['a'\]"),
        ("seeds=[", "Expected YAML in seeds, got"),
        ("budget=half", r"budget in \(0, 1\], got 'half'"),
    ],
)
def test_a_wrong_setting_is_named(override, message):
    with pytest.raises(ValueError, match=message):
        load_experiment(DEMO, [override])


CLASSIFICATION = CONFIGS / "experiments" / "classification.yaml"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("classification.resnt.settings=[original]", "got 'resnt'.*'resnet'"),
        ("classification.resnet.settings=[orignal]", r"classification\.resnet\.settings, got 'orignal'.*'original'"),
        ("classification.resnet.settings=original", "list of settings in classification.resnet, got 'original'"),
        ("classification.resnet.config.early_stop=3", r"no early_stop in classification\.resnet\.config: .*Remove it"),
        ("classification.resnet.config.early_stops=3", "got 'early_stops'. Did you mean 'early_stop'"),
        ("classification.resnet.num_labeled=3", r"in classification\.resnet, got 'num_labeled'"),
        ("synthesis.classes=all", r"one generator per class\) for the settings \['balanced', .* got .*'all'"),
        ("synthesis=null", "synthesis group with classes: each .* got None"),
        ("growth.original={target: 3}", "'original' always means the real images"),
    ],
)
def test_a_wrong_classification_is_named(override, message):
    with pytest.raises(ValueError, match=message):
        load_experiment(CLASSIFICATION, [override])


def test_settings_of_classifiers_may_be_own_ones_and_need_generators_only_where_images_are_made():
    mine = ["growth.mine={target: 30}", "classification.resnet.settings=[original,mine,original]"]
    row = load_experiment(CLASSIFICATION, [*mine, "budget=0.1"])["classification"]["resnet"]
    assert row["settings"] == ["original", "mine"]
    assert row["config"] == {}
    original = ["classification.resnet.settings=[original]", "synthesis=null"]
    assert load_experiment(CLASSIFICATION, original)["synthesis"] is None


@pytest.mark.parametrize("override", ["synthesis.images=500", "synthesis.class_mix=uniform"])
def test_numbers_of_images_that_nothing_would_use_are_refused(override):
    with pytest.raises(ValueError, match=rf"no {override.split('=')[0]} without rows of segmentation, got"):
        load_experiment(CLASSIFICATION, [override])
    load_experiment(CLASSIFICATION, [override, "classification.resnet.settings=[original]"])


def test_nested_ids_of_a_bundle_are_settings():
    override = "segmentation.unet.config.network_def#channels=[4,8]"
    assert load_experiment(DEMO, [override])["segmentation"]["unet"]["config"]["network_def#channels"] == [4, 8]


def test_a_misspelt_option_of_an_own_dataset_file_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_text("prepare: {images: photos, grops: null}\n")
    with pytest.raises(ValueError, match=r"mine\.yaml\), got 'grops'\. Did you mean 'groups'"):
        load_experiment(DEMO, [f"dataset={tmp_path / 'mine.yaml'}", "prepare={}"])


def test_an_unknown_dataset_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"datasets \[.*'folder', .*'phantom'\].*got 'phantoms'. Did you"):
        config_file("dataset", "phantoms")


@pytest.mark.parametrize("text", ["a: [", "\tname: x", "- a", "name: \xff"])
def test_a_file_that_is_no_experiment_is_named(tmp_path, text):
    (tmp_path / "mine.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"Expected .*mine\.yaml"):
        load_experiment(tmp_path / "mine.yaml")
    with pytest.raises(ValueError, match=r"Expected .*mine\.yaml"):
        load_experiment(DEMO, [f"dataset={tmp_path / 'mine.yaml'}", "prepare={}"])


def test_text_in_the_place_of_a_number_of_a_profile_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_text("g_lr: 1e-4\n")
    with pytest.raises(ValueError, match=r"number for g_lr in .*mine\.yaml, got the text '1e-4'.* 1\.0e-04"):
        load_experiment(DEMO, [f"synthesis.profile={tmp_path / 'mine.yaml'}"])
    (tmp_path / "mine.yaml").write_text("g_lr: 1.0e-04\n")
    load_experiment(DEMO, [f"synthesis.profile={tmp_path / 'mine.yaml'}"])
    assert load_experiment(DEMO, ["synthesis.config.g_lr=1e-4"])["synthesis"]["config"]["g_lr"] == 1e-4
