"""Tables as registries, spreadsheets and pandas write them."""

import unicodedata
from pathlib import Path

import pytest

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.prepare.item_tables import read_classes, read_groups

PAIRS = [ImagePair(f"i{k}", Path(f"data/i{k}.png"), None) for k in range(6)]
WORDS = ["benign", "malignant", "benign", "malignant", "benign", "malignant"]
CLASSES = dict(zip((pair.stem for pair in PAIRS), WORDS, strict=True))


def table(tmp_path, *lines):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def classes(tmp_path, *lines):
    return read_classes(PAIRS, table(tmp_path, *lines), tmp_path)


@pytest.mark.parametrize("column", ["class", "Diagnosis", "dx", "target", "LABEL", "Class Name", "class_label"])
def test_the_column_of_the_class_is_known_by_its_name_wherever_it_stands(tmp_path, column):
    rows = [f"{40 + k},i{k}.png,f,{word}" for k, word in enumerate(WORDS)]
    assert classes(tmp_path, f"age,file name,sex,{column}", *rows) == CLASSES


@pytest.mark.parametrize("column", ["PatientID", "patient_id", "Patient Number", "Subject", "case", "participant_id"])
def test_groups_are_patients_not_the_second_column(tmp_path, column):
    rows = [f"i{k},{40 + 5 * (k % 4)},f,P{k // 2}" for k in range(6)]
    found = read_groups(PAIRS, table(tmp_path, f"image,age_approx,sex,{column}", *rows))
    assert found == {f"i{k}": f"P{k // 2}" for k in range(6)}


def test_a_lesion_counts_where_no_patient_is_named(tmp_path):
    rows = [f"i{k},L{k // 2},P{k // 4},nevus" for k in range(6)]
    assert read_groups(PAIRS, table(tmp_path, "image_id,lesion_id,patient,dx", *rows))["i3"] == "P0"
    assert read_groups(PAIRS, table(tmp_path, "image_id,lesion_id,owner,dx", *rows))["i3"] == "L1"


@pytest.mark.parametrize("header", ["image,age,sex", "image,tumour", "image,age_approx,center"])
@pytest.mark.parametrize("read", [lambda path: read_groups(PAIRS, path), lambda path: read_classes(PAIRS, path, path)])
def test_an_unknown_column_is_never_taken_and_the_advice_works(tmp_path, header, read):
    columns = header.split(",")
    rows = [",".join([f"i{k}", *(f"v{k // 3}" for _ in columns[1:])]) for k in range(6)]
    path = table(tmp_path, header, *rows)
    with pytest.raises(ValueError, match=r"found the columns \['image', .*t\.csv:COLUMN") as error:
        read(path)
    advice = str(error.value).partition("Name the one that holds it: ")[2].rstrip(".").split(",")[0]
    advice = advice.replace("COLUMN", columns[1])  # none is named: a copied age would part a patient's images
    assert set(read(tmp_path / advice).values()) == {"v0", "v1"}


def test_one_hot_columns_are_classes(tmp_path):
    rows = [f"i{k},{float(k % 3 == 0)},{float(k % 3 == 1)},{float(k % 3 == 2)},0.0" for k in range(6)]
    found = classes(tmp_path, "image,MEL,NV,BCC,UNK", *rows)
    assert found == {f"i{k}": ("MEL", "NV", "BCC")[k % 3] for k in range(6)}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("image,melanoma,keratosis", "i{},0,0"),  # neither: a third class that no column names
        ("image,MEL,NV", "i{},0.3,0.7"),
        ("image,MEL,NV", "i{},1,1"),
        ("image,age,male,female", "i{},50,1,0"),
    ],
)
def test_what_is_not_one_hot_is_refused_with_its_columns(tmp_path, header, row):
    with pytest.raises(ValueError, match=r"found the columns \['image'"):
        classes(tmp_path, header, *(row.format(k) for k in range(6)))


@pytest.mark.parametrize("word", ["", "nan", "NaN", "NA", "None", "n/a", "#N/A", "null", "<NA>", "-", "empty"])
def test_words_for_missing_are_missing_and_the_rows_are_named(tmp_path, word):
    rows = [f"i{k},{word if k == 4 else name}" for k, name in enumerate(WORDS)]
    with pytest.raises(ValueError, match=r"none for 1 of 6: i4 \(row 6: .*Fill in these cells"):
        classes(tmp_path, "image,class", *rows)


def test_groups_that_are_not_known_are_no_group(tmp_path):
    with pytest.raises(ValueError, match=r"group for every image .* none for 1 of 6: i5 \(row 7: 'Unknown'\)"):
        read_groups(
            PAIRS, table(tmp_path, "image,patient", *(f"i{k},{'Unknown' if k == 5 else 'p'}" for k in range(6)))
        )


@pytest.mark.parametrize("other", ["Benign", "BENIGN"])
def test_classes_that_differ_in_case_are_refused(tmp_path, other):
    with pytest.raises(ValueError, match=rf"differ in more than case.*'{other}' and 'benign'"):
        classes(tmp_path, "image,class", *(f"i{k},{('benign', other, 'malignant')[k % 3]}" for k in range(6)))


def test_spaces_around_and_the_coding_of_accents_make_no_new_class(tmp_path):
    words = ["Mélanome", unicodedata.normalize("NFD", "Mélanome"), " Mélanome ", "Autre", "Autre", "Autre"]
    found = classes(tmp_path, "image,class", *(f"i{k},{word}" for k, word in enumerate(words)))
    assert set(found.values()) == {"Mélanome", "Autre"}


def test_names_of_files_of_a_mac_meet_tables_and_expressions_of_others(tmp_path):
    stems = [unicodedata.normalize("NFD", f"épi{k}") for k in range(4)]
    pairs = [ImagePair(stem, Path(f"{stem}.png"), None) for stem in stems]
    found = read_classes(pairs, table(tmp_path, "image,class", *(f"épi{k},{'ab'[k % 2]}" for k in range(4))), tmp_path)
    assert found[stems[1]] == "b"
    assert set(read_groups(pairs, r"^(épi)\d").values()) == {"épi"}


@pytest.mark.parametrize("path", ["C:\\data\\{}.png", "C:\\data\\{}", "/data/x/{}.JPG", "sub\\dir/{}.png"])
def test_both_separators_of_paths(tmp_path, path):
    rows = [f"{path.format(f'i{k}')},{word}" for k, word in enumerate(WORDS)]
    assert classes(tmp_path, "image,class", *rows) == CLASSES
    assert classes(tmp_path, *rows) == CLASSES  # without a header


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "index"])
def test_row_numbers_of_pandas_are_passed_over(tmp_path, index):
    rows = [f"{k},i{k}.png,{word}" for k, word in enumerate(WORDS)]
    assert classes(tmp_path, f"{index},image,class", *rows) == CLASSES
    assert classes(tmp_path, f"{index},photo,class", *rows) == CLASSES


def test_row_numbers_are_no_images_even_where_images_are_numbers(tmp_path):
    pairs = [ImagePair(str(k), Path(f"{k}.png"), None) for k in range(6)]
    path = table(tmp_path, ",image,class", *(f"{k},{5 - k}.png,{'aaabbb'[k]}" for k in range(6)))
    assert read_classes(pairs, path, tmp_path)["0"] == "b"


def test_a_first_row_of_an_image_that_is_not_here_is_no_header(tmp_path):
    rows = [f"i{k},{word}" for k, word in enumerate(WORDS)]
    assert classes(tmp_path, "elsewhere,benign", *rows) == CLASSES
    assert classes(tmp_path, "elsewhere.png,third", *rows) == CLASSES


def test_where_nothing_matches_a_row_stands_beside_an_image(tmp_path):
    with pytest.raises(ValueError, match=r"row is \{'image': 'case_1', 'class': 'a'\}, the first image is i0\.png"):
        classes(tmp_path, "image,class", "case_1,a", "case_2,b")


def test_two_columns_that_say_different_things_are_not_chosen_from(tmp_path):
    rows = [f"i{k},{word},{'xyz'[k % 3]}" for k, word in enumerate(WORDS)]
    with pytest.raises(ValueError, match=r"'diagnosis', 'label', which part the images differently.*t\.csv:diagnosis"):
        classes(tmp_path, "image,label,diagnosis", *[f"i{k},{'xyz'[k % 3]},{word}" for k, word in enumerate(WORDS)])
    assert read_classes(PAIRS, f"{table(tmp_path, 'image,diagnosis,label', *rows)}:Diagnosis", tmp_path) == CLASSES
    same = [f"i{k},{int(word == 'benign')},{word}" for k, word in enumerate(WORDS)]
    assert classes(tmp_path, "image,label,diagnosis", *same) == CLASSES


def test_a_comma_without_quotes_is_found(tmp_path):
    with pytest.raises(ValueError, match=r"2 cells in every row of .*, got 3 in row 3.*quotes"):
        classes(tmp_path, "image,class", "i0,benign", "i1,melanoma, in situ")


def test_a_column_of_numbers_of_its_own_is_no_class(tmp_path):
    pairs = [ImagePair(f"i{k}", Path(f"i{k}.png"), None) for k in range(9)]
    path = table(tmp_path, "image,score", *(f"i{k},{k}.5" for k in range(9)))
    with pytest.raises(ValueError, match="a class of its own for each of 9 images"):
        read_classes(pairs, f"{path}:score", tmp_path)
