import pytest
import yaml

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.settings import settings_of

ALL = ["equal_steps", "equal_total_steps", "duplicate_real", "oracle"]


@pytest.fixture
def load(tmp_path):
    def write(rows, overrides=(), **more):
        path = tmp_path / "own.yaml"
        rows = {name: {"network": "unet", "profile": "segmentation_cpu", **row} for name, row in rows.items()}
        path.write_text(yaml.safe_dump({"controls": ALL, "segmentation": rows, **more}, sort_keys=False))
        return load_experiment(path, overrides)["segmentation"]

    return write


def test_controls_are_rows_that_differ_in_their_method(load):
    rows = load({"ours": {"num_labeled": 30, "config": {"num_rounds": 3, "pool_fraction": 0.4, "batch_size": 8}}})
    assert rows["ours"]["controls"] == {name: f"ours-{name}" for name in ALL[1:]}
    assert {name: row["config"] for name, row in rows.items() if name != "ours"} == {
        "ours-equal_total_steps": {
            "batch_size": 8,
            "steps": 6000,
        },  # the profile's 1,500 for the baseline and each round
        "ours-duplicate_real": {"batch_size": 8, "pool_fraction": 0.4, "steps": 6000},
        "ours-oracle": {"batch_size": 8, "pool_fraction": 0.4, "steps": 6000},
    }
    for name in ALL[1:]:
        row = rows[f"ours-{name}"]
        assert (row["method"], row["num_labeled"], row["controls"]) == (name, 30, {})


def test_rows_share_a_control_that_would_be_the_same(load):
    rows = load(
        {
            "real": {"num_labeled": 30, "config": {"pool": "real"}},
            "both": {"num_labeled": 30, "config": {"pool": "both"}},
            "longer": {"num_labeled": 30, "config": {"num_rounds": 3}},
            "anew": {"num_labeled": 30, "config": {"start": "cold"}},
        }
    )
    assert rows["both"]["controls"] == rows["real"]["controls"]
    assert rows["longer"]["controls"]["equal_total_steps"] == "longer-equal_total_steps"
    assert rows["longer"]["controls"]["oracle"] == "longer-oracle"
    assert rows["anew"]["controls"]["equal_total_steps"] == "real-equal_total_steps"
    assert len(rows) == 4 + 3 + 3 + 2


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        ({}, 300),
        ({"start": "cold"}, None),
        ({"recipe": "paper"}, None),
        ({"recipe": "paper", "start": "warm"}, 300),
        ({"teachers": 3}, 300),
    ],
)
def test_a_pool_that_is_replaced_is_seen_for_as_long_as_one_network_sees_it(load, config, steps):
    rows = load({"ours": {"num_labeled": 30, "config": {"steps": 100, **config}}})
    for name in ("duplicate_real", "oracle"):
        assert rows[f"ours-{name}"]["config"]["steps"] == (steps or 100)


def test_every_training_of_a_round_counts_for_equal_total_steps(load):
    rows = load({"ours": {"num_labeled": 30, "config": {"steps": 100, "teachers": 3, "num_rounds": 1}}})
    assert rows["ours-equal_total_steps"]["config"]["steps"] == 600


def test_the_budget_shortens_a_control_as_it_shortens_its_row(tmp_path, load):
    load({"ours": {"num_labeled": 30}})
    experiment = load_experiment(tmp_path / "own.yaml", ["budget=0.1"])
    steps = {
        name: settings_of(experiment, "segmentation", name).merged["steps"]
        for name in ("ours", "ours-equal_total_steps")
    }
    assert steps == {"ours": 150, "ours-equal_total_steps": 450}


def test_a_row_may_have_controls_of_its_own_and_a_supervised_one_has_none(load):
    rows = load({"ours": {"num_labeled": 30, "controls": ["oracle"]}, "plain": {"method": "supervised"}})
    assert list(rows["ours"]["controls"]) == ["oracle"]
    assert rows["plain"]["controls"] == {}
    assert len(rows) == 3


def test_an_oracle_without_hidden_masks_is_refused(load):
    with pytest.raises(ValueError, match=r"num_labeled or labeled_list in segmentation\.ours for its oracle"):
        load({"ours": {}})


def test_unknown_controls_are_named(load):
    with pytest.raises(ValueError, match="duplicate_reel"):
        load({"ours": {"num_labeled": 30, "controls": ["duplicate_reel"]}})
    with pytest.raises(ValueError, match=r"list of controls in segmentation\.ours, got 'oracle'"):
        load({"ours": {"num_labeled": 30, "controls": "oracle"}})
    with pytest.raises(ValueError, match="list of controls in .*own.yaml, got 3"):
        load({"ours": {"num_labeled": 30}}, controls=3)


def test_a_row_with_the_name_of_a_control_is_refused(load):
    with pytest.raises(ValueError, match="Expected no row 'a-oracle'"):
        load({"a": {"num_labeled": 30}, "a-oracle": {"num_labeled": 30}})


def test_steps_may_be_an_expression_and_the_number_of_trainings_may_not(load):
    rows = load({"ours": {"num_labeled": 30, "config": {"steps": "$5 * 2"}}})
    assert rows["ours-equal_total_steps"]["config"]["steps"] == "$(5 * 2) * 3"
    with pytest.raises(ValueError, match=r"whole numbers for num_rounds .* got '\$1 \+ 1' and 1"):
        load({"ours": {"num_labeled": 30, "config": {"num_rounds": "$1 + 1"}}})


def test_other_rows_are_compared_with_and_stay_rows(load):
    more = {"num_labeled": 30, "controls": ["oracle", "plain", "ours"]}
    rows = load({"plain": {"num_labeled": 30, "controls": []}, "ours": more})
    assert rows["ours"]["controls"] == {"plain": "plain", "oracle": "ours-oracle"}
    assert rows["plain"]["controls"] == {}
    assert (rows["plain"]["method"], len(rows)) == ("rounds", 3)
    with pytest.raises(ValueError, match="plane"):
        load({"plain": {"num_labeled": 30}, "ours": {**more, "controls": ["plane"]}})


def test_controls_of_two_networks_are_one_network_or_another_pool(load):
    config = {"steps": 100, "alpha": 0.3, "shift": 8, "cutmix": "none", "pool": "real", "partner_def": "%network_def"}
    rows = load({"ours": {"method": "cotraining", "num_labeled": 30, "config": config}})
    assert rows["ours"]["controls"] == {name: f"ours-{name}" for name in ALL}
    found = {name: (rows[f"ours-{name}"]["method"], rows[f"ours-{name}"]["config"]) for name in ALL}
    alone = {"steps": 100, "alpha": 0.3, "partners": {}}
    assert found["equal_steps"] == ("cotraining_alone", alone)
    assert found["equal_total_steps"] == ("cotraining_alone", {**alone, "steps": 200})
    kept = {key: config[key] for key in config if key != "pool"}
    again = {**kept, "unlabeled_items": "$ssgnet_monai.data.without_labels(@labeled)"}
    assert found["duplicate_real"] == ("cotraining", again)
    method, oracle = found["oracle"]
    assert (method, {key: oracle[key] for key in alone}) == ("cotraining_alone", alone)
    assert "@known_pool" in oracle["train#dataset#pool"]


def test_forms_of_co_training_share_their_control(load):
    row = {"method": "cotraining", "num_labeled": 30, "controls": ["equal_steps"]}
    plain = {**row, "config": {"dynamic_weight": 0, "cutmix": "none"}}
    rows = load({"cps": plain, "all": {**row, "controls": ["equal_steps", "cps"], "config": {"shift": 8}}})
    assert rows["all"]["controls"] == {"cps": "cps", "equal_steps": "cps-equal_steps"}
    assert len(rows) == 3
