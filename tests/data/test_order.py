from percept.data.order import natural_key


def test_numbers_inside_names_sort_by_value() -> None:
    names = ["class10", "class9", "Class1", "10", "2", "a1b10", "a1b9"]
    assert sorted(names, key=natural_key) == ["2", "10", "a1b9", "a1b10", "Class1", "class9", "class10"]


def test_names_that_differ_only_in_case_keep_one_order() -> None:
    assert sorted(["a", "A"], key=natural_key) == sorted(["A", "a"], key=natural_key)
