"""An order of labels in which those that look alike stand together.

The leaves of an average-linkage clustering of the distances, turned so that neighbours are as close as they can be
(Bar-Joseph et al. 2001, "Fast optimal leaf ordering for hierarchical clustering").
"""

from __future__ import annotations

import numpy as np

from icldiag.model.readout import FloatArray


def alike_together(distance: FloatArray) -> tuple[int, ...]:
    """The new order of the rows of a symmetric (C, C) matrix; undefined distances count as the largest."""
    count = len(distance)
    if count < 3 or np.isnan(distance).all():
        return tuple(range(count))
    from scipy.cluster import hierarchy  # slow to import
    from scipy.spatial.distance import squareform

    known = np.nan_to_num(distance, nan=float(np.nanmax(distance)))
    np.fill_diagonal(known, 0.0)
    links = hierarchy.linkage(squareform(known, checks=False), "average", optimal_ordering=True)
    return tuple(int(leaf) for leaf in hierarchy.leaves_list(links))
