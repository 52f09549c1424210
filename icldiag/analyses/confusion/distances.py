"""How far apart the anchors of the classes are, as the target sees them (Wang et al. 2023, section 3.3).

The label words' key vectors k, all heads of one layer concatenated, are projected on the principal directions of the
target position's query vectors, each direction scaled by its singular value s,

    khat_i = diag(s) V^T k_i,    distance_ij = |khat_i - khat_j| / max |khat_i - khat_j|,    diagonal 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.model.readout import FloatArray

DIRECTIONS = 10  # principal directions kept, as in the paper


def principal_projection(vectors: FloatArray, directions: int = DIRECTIONS) -> FloatArray:
    """Principal directions of the centred rows, as columns, each scaled by its singular value: (width, directions)."""
    centred = vectors - vectors.mean(axis=0)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    scale = np.abs(vectors).max(initial=0.0)
    kept = min(directions, int((singular > 1e-9 * max(scale, 1e-30)).sum()))
    return np.asarray(components[:kept].T * singular[:kept])


def scaled_distances(points: FloatArray) -> FloatArray:
    """Euclidean distances divided by the largest, diagonal 1; all NaN where the largest is 0."""
    raw = np.linalg.norm(points[:, None] - points[None, :], axis=-1)
    if points.shape[1] == 0:
        raw = np.full_like(raw, np.nan)
    largest = np.nanmax(raw, initial=0.0)
    scaled = raw / largest if largest > 0 else np.full_like(raw, np.nan)
    undefined = np.isnan(raw).all(axis=1)
    np.fill_diagonal(scaled, np.where(undefined | (largest == 0), np.nan, 1.0))
    return np.asarray(scaled)


def class_means(keys: FloatArray, anchors: Sequence[int], classes: int) -> FloatArray:
    """Mean key of each class's anchors, (C, H * d); NaN without a demonstration."""
    means = np.full((classes, keys.shape[1]), np.nan)
    for label in set(anchors):
        means[label] = keys[[i for i, of in enumerate(anchors) if of == label]].mean(axis=0)
    return means


def cosines(keys: FloatArray) -> FloatArray:
    """(C, C) of keys (C, H * d); NaN without a demonstration."""
    norms = np.linalg.norm(keys, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = keys / norms
    return np.asarray(unit @ unit.T)
