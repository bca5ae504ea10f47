"""Tests of error responses."""

from types import SimpleNamespace

from api.errors import ParcelNotFound, handle_exception

REQUEST = SimpleNamespace(path="/parcels/7")


def test_an_uncaught_exception_is_a_500_without_internals():
    response = handle_exception(REQUEST, ZeroDivisionError("secret"))
    assert response.status == 500
    assert "secret" not in str(response.value)


def test_the_callers_error_is_told():
    assert handle_exception(REQUEST, ParcelNotFound(7)).status == 404
