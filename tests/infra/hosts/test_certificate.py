from datetime import timedelta

import pytest

from infra.hosts import certificate

NAME = "spark.lakehouse.internal"


@pytest.fixture(scope="module")
def made():
    return certificate.make(NAME, certificate.now())[0]


@pytest.mark.parametrize(
    ("name", "days", "valid"),
    [(NAME, 0, True), (NAME, 330, True), (NAME, 340, False), ("other.lakehouse.internal", 0, False)],
)
def test_a_certificate_is_made_anew_for_another_name_and_before_its_end(made, name, days, valid):
    assert certificate.is_valid(made, name, certificate.now() + timedelta(days=days)) is valid


def test_each_key_is_another():
    assert certificate.make(NAME, certificate.now())[1] != certificate.make(NAME, certificate.now())[1]
