from ssgnet_monai.data.cases import case_names, group_names


def test_slices_of_one_volume_are_one_case_and_volumes_of_one_file_name_are_two():
    def cut(stem, index):
        return {"image": f"/d/images/{stem}_{index:04d}.png", "volume": "image.nii.gz", "axis": 2, "slice": index}

    items = [
        cut("p1_image", 0),
        cut("p1_image", 1),
        cut("p2_image", 0),
        {"image": "/d/v.nii.gz", "axis": 0, "slice": 0},
        {"image": "/d/v.nii.gz", "axis": 0, "slice": 1},
        {"image": "/d/a.png"},
        {"image": "/d/b.png", "group": "p"},
    ]
    cases = case_names(items)
    assert [cases.index(case) for case in cases] == [0, 0, 2, 3, 3, 5, 6]
    groups = group_names(items)
    assert [groups.index(group) for group in groups] == [0, 0, 2, 3, 3, 5, 6]
    patients = group_names([{**item, "group": "p"} for item in items])
    assert len(set(patients)) == 1
