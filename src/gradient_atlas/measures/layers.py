"""How norms change from layer to layer, measured and predicted, read off their tables.

Numbers are decades per layer TOWARDS THE INPUT, the way the error signal goes: negative where it
vanishes, positive where it explodes.
"""

import dataclasses

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.runs import by_seed, where
from gradient_atlas.runs.feedforward import Run

WEIGHT, ERROR = "weight_gradient_norm", "error_signal_norm"
# "Stays within 1-2 orders" is how the source describes what does not vanish (F figure 1).
STABLE_DECADES = 2.0
PARAMETERS = [field.name for field in dataclasses.fields(Run)]


def at_initialization(gradients: DataFrame) -> DataFrame:
    """Rows before the first update, ordered by seed and layer."""
    rows = gradients[gradients["step"] == 0].copy()
    rows["weight_std"] = rows["weight_std"].astype(float)
    return rows.sort_values(["seed", "layer"], kind="stable")


def decades(rows: DataFrame, column: str) -> np.ndarray:
    """log10 of a column of norms, nan where the norm is 0 or not finite."""
    values = rows[column].to_numpy(dtype=float)
    usable = np.isfinite(values) & (values > 0)
    return np.where(usable, np.log10(np.where(usable, values, 1.0)), np.nan)


def straight_line(layers: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope towards the input and R² of a straight line through the layers 2 .. L-1.

    The first and the last layer have other shapes than the rest and are left out. Both are nan
    where fewer than two layers are left or a value is nan.
    """
    inner = (layers > 1) & (layers < layers.max())
    x, y = layers[inner].astype(float), values[inner]
    if len(x) < 2 or not np.isfinite(y).all():
        return np.nan, np.nan
    coefficients = np.polyfit(x, y, 1)
    spread = np.sum((y - y.mean()) ** 2)
    error = np.sum((y - np.polyval(coefficients, x)) ** 2)
    return -float(coefficients[0]), float(1 - error / spread) if spread > 0 else np.nan


def measured_slope(rows: DataFrame, column: str = ERROR) -> float:
    """Decades per layer of one seed's norms."""
    return straight_line(rows["layer"].to_numpy(), decades(rows, column))[0]


def factors(rows: DataFrame, column: str = ERROR) -> list[float]:
    """Factor of a norm per layer towards the input before the first update, by seed.

    The one definition: 10 to the least-squares slope of log10 over the layers 2 .. L-1, nan where a
    norm among them is 0 or not finite, for such a network has no factor.
    """
    return by_seed(at_initialization(rows), lambda seed: float(10 ** measured_slope(seed, column)))


def predicted_factor(theory: DataFrame, rows: DataFrame) -> float:
    """Factor of the error signal per layer in theory, for the network of ``rows``; nan of none."""
    return 10 ** predicted_slope(prediction_of(theory, rows)) if len(rows) else np.nan


def predicted_slope(rows: DataFrame, name: str = ERROR) -> float:
    """The same of a prediction's rows; nan without any."""
    if rows.empty:
        return np.nan
    return straight_line(rows["layer"].to_numpy(), rows[f"predicted_log10_{name}"].to_numpy())[0]


def prediction_of(theory: DataFrame, rows: DataFrame) -> DataFrame:
    """The prediction's rows for the network that ``rows`` (of one condition) were measured on."""
    if rows.empty:
        return theory.iloc[:0]
    asked = [key for key in PARAMETERS if key in theory and key in rows]
    first = rows[asked].iloc[0].astype(object)
    return where(theory, **first.where(first.notna(), None).to_dict()).sort_values("layer")


def select(
    table: DataFrame,
    activation: str,
    initialization: str,
    weight_std: float | None = None,
    **parameters: object,
) -> DataFrame:
    """Rows before the first update of one kind of network; empty if the sweep has none."""
    scale = {} if weight_std is None else {"weight_std": weight_std}
    kind = {"activation": activation, "initialization": initialization} | scale | parameters
    return where(at_initialization(table), **kind)


def deepest(rows: DataFrame) -> DataFrame:
    """Rows of one network among several: the deepest and then widest that the config has."""
    if rows.empty:
        return rows
    first = rows.sort_values(["depth", "width"], kind="stable").iloc[-1]
    same = {
        key: None if value is None or value != value else value
        for key, value in first[[key for key in PARAMETERS if key in rows]].items()
    }
    return where(rows, **same)


def input_over_output(rows: DataFrame, column: str) -> float:
    """log10 of the first layer's norm over the last layer's, of one seed."""
    values = decades(rows, column)
    return float(values[0] - values[-1])


def spread_over_layers(rows: DataFrame, column: str) -> float:
    """Largest minus smallest log10 norm among all layers, of one seed."""
    values = decades(rows, column)
    return float(values.max() - values.min())


def straightness(rows: DataFrame, column: str) -> float:
    """R² of an exponential decay towards the input, of one seed; 0 where the norm rises."""
    slope, r_squared = straight_line(rows["layer"].to_numpy(), decades(rows, column))
    return 0.0 if slope >= 0 else r_squared


def layers_to_fall(rows: DataFrame, column: str, fall: float) -> float:
    """Layers from the output until a norm of one seed is ``fall`` decades below the last layer's.

    Interpolated between two layers; inf if it never is.
    """
    values = decades(rows, column)
    fallen = (values[-1] - values)[::-1]
    if not np.isfinite(fallen).all():
        return np.nan
    if not (fallen >= fall).any():
        return np.inf
    beyond = int(np.argmax(fallen >= fall))
    return float(np.interp(fall, fallen[beyond - 1 : beyond + 1], [beyond - 1, beyond]))


def depth_to_fall(rows: DataFrame, column: str, level: float) -> float:
    """The least depth at which log10 of the first layer's norm is ``level``, of one seed.

    Interpolated between networks that differ in depth alone; inf if none is so low, the least depth
    that there is where all are; nan where a norm is 0 or not finite.
    """
    first = rows[rows["layer"] == 1].sort_values("depth")
    depths, values = first["depth"].to_numpy(dtype=float), decades(first, column)
    if not np.isfinite(values).all():
        return np.nan
    if not (values <= level).any():
        return np.inf
    beyond = int(np.argmax(values <= level))
    if beyond == 0:
        return float(depths[0])
    around = slice(beyond - 1, beyond + 1)
    return float(np.interp(-level, -values[around], depths[around]))


def forward_drift(theory: DataFrame) -> float:
    """By how much log10 E[a²] drifts per layer at finite width, in theory; nan where unknown.

    For a piecewise linear activation a = φ'(z) z, so that a layer's relative fluctuation is the
    same forwards as backwards; a norm's drift is half that of its square.
    """
    if theory.empty or theory["activation"].iloc[0] not in ("relu", "leaky_relu"):
        return np.nan
    return 2 * float(theory["finite_width_drift"].iloc[0])


def forward_ratio(rows: DataFrame) -> float:
    """Geometric mean of E[a²] of a hidden layer over that of the layer before, of one seed."""
    hidden = decades(rows, "activation_rms")[:-1]
    if len(hidden) < 2:
        return np.nan
    return float(10 ** (2 * (hidden[-1] - hidden[0]) / (len(hidden) - 1)))


def layer_step_table(gradients: DataFrame, column: str) -> DataFrame:
    """``column`` with a row a layer and a column a logged step, averaged over the seeds.

    Where a seed has no value the mean is over the others; nan where none has one.
    """
    return gradients.pivot_table(
        index="layer", columns="step", values=column, aggfunc="mean", dropna=False
    ).sort_index()
