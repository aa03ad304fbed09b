"""Failures in the helpers of these tests are explained as well as those in tests."""

import pytest

pytest.register_assert_rewrite("tests.property.lifecycle")
