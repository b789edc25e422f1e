import pytest

from marketplace.core import reference


def test_rows_are_read_once_in_file_order():
    groups = reference.rows("specialty_groups")
    assert [g["slug"] for g in groups][:2] == ["primary-care", "im-subspecialties"]
    assert reference.rows("specialty_groups") is groups


@pytest.mark.parametrize("path", sorted(reference.DATA.glob("*.csv")), ids=lambda p: p.stem)
def test_every_file_is_rectangular(path):
    lines = reference.rows(path.stem)
    assert lines
    for line in lines:
        assert None not in line
        assert None not in line.values()


def test_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        reference.rows("specialty_groups")[0]["slug"] = "x"


def test_row_finds_by_slug_and_by_column():
    assert reference.row("rotation_types", "externship")["label"] == "Externship"
    assert reference.row("installment_rules", "max-installments", "code")["value"] == "4"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reference.rows("nothing"), "nothing"),
        (lambda: reference.row("rotation_types", "holiday"), "holiday"),
        (lambda: reference.row("rotation_types", "x", "code"), "no column 'code'"),
        (lambda: reference.row("state_advisories", "CA", "state"), "twice"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(call, words):
    with pytest.raises(KeyError, match=words):
        call()


def test_split():
    assert reference.split("a|b") == ("a", "b")
    assert reference.split("") == ()
