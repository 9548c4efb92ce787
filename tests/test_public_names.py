import oneofeach


def test_the_version_is_a_release_number() -> None:
    assert oneofeach.__version__.count(".") == 2
