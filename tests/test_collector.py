"""The garbage collector rests within, and is as it was afterwards, whatever happens."""

import gc

import pytest

from icldiag.collector import paused_collector


def test_it_rests_within_and_comes_back() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), paused_collector():
        assert not gc.isenabled()
        with paused_collector():
            pass
        assert not gc.isenabled()  # the inner one does not wake it
        raise KeyError
    assert gc.isenabled()


def test_who_has_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with paused_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
