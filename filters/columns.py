"""What a measure of a block of texts is: a function to one value a text, and the ratio of two such columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from winnow.filters.kernels.block import Block

Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Column = Callable[["Block"], Values]


def ratio(part: Values, whole: Values) -> npt.NDArray[np.float64]:
    """part / whole in float64; NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole == 0, np.nan, part / whole)
