"""Four shapes are told apart on lesions that are drawn by other means than those that measure them."""

import importlib.util
from types import ModuleType

import pytest

from conftest import REPO
from neuroonco.intervals import wilson
from neuroonco.vocabulary import Shape


@pytest.fixture(scope="module")
def shapes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shapes", REPO / "benchmarks" / "shapes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_four_classes_are_told_apart_where_the_paper_cannot_tell_three(shapes: ModuleType) -> None:
    drawn = list(shapes.lesions(12, seed=77))
    shares = {}
    for name, named in shapes.namers().items():
        shares[name] = wilson(sum(shapes.right(shape, named(mask)) for shape, _, mask in drawn), len(drawn))
    assert shares["default"].n == 4 * 6 * 12
    assert shares["default"].low > 0.86
    assert shares["paper"].high < 0.7


@pytest.mark.parametrize("shape", [Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR])
def test_no_shape_is_lost_to_the_others(shapes: ModuleType, shape: Shape) -> None:
    named = shapes.namers()["default"]
    drawn = [mask for kind, _, mask in shapes.lesions(10, seed=78) if kind is shape]
    assert sum(named(mask) is shape for mask in drawn) / len(drawn) > 0.65
