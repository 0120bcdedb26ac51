from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.catalogue import dataset_record, format_catalogue, instructions

TOY = Adapter("toy", ("segmentation",), "MR", "3 images", "CC0", "https://toy.org", lambda source, staging: [])


def test_columns_stand_below_each_other():
    assert format_catalogue([TOY]).splitlines() == [
        "name  task          modality  download  licence",
        "toy   segmentation  MR        by hand   CC0",
        "    3 images",
        "    https://toy.org",
    ]


def test_the_table_fits_into_a_terminal():
    assert [line for line in format_catalogue(adapters().values()).splitlines() if len(line) > 100] == []


def test_instructions_and_record_of_a_dataset_without_download():
    assert "Its owner's page: https://toy.org" in instructions(TOY)
    assert dataset_record(TOY)["download"] is False


def test_every_file_is_known_by_size_or_hash_and_comes_by_https():
    for one in adapters().values():
        assert one.files or one.instructions, one.name
        for file in one.files:
            assert file.url.startswith("https://"), one.name
            assert file.size or file.sha256 or file.md5, one.name
