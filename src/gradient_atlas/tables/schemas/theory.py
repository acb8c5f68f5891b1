"""The tables of the theory stage."""

import pyarrow as pa

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, column, table

ACTIVATIONS = table(
    "results/theory/activations/",
    "an argument of an activation",
    [
        column("z", NUMBER, "argument"),
        column("activation", NAME, "name of the activation function"),
        column("value", NUMBER, "φ(z)"),
        column("derivative", NUMBER, "φ'(z) by automatic differentiation"),
    ],
)
LINEAR_CHAIN = table(
    "results/theory/linear_chain/",
    "a layer of a chain",
    [
        column("factor", NUMBER, "the factor s of every layer"),
        column("layer", COUNT, "layer l; 1 is nearest the input"),
        column("gradient", NUMBER, "da_L/da_(l-1) by automatic differentiation"),
    ],
)
PREDICTED_NORMS = table(
    "results/theory/<sweep>/",
    "a layer of a predicted network",
    [
        column("dataset", NAME, "data set whose first training rows are the probe batch"),
        column("activation", NAME, "activation function"),
        column("initialization", NAME, "initialisation of the weights"),
        column("weight_std", NUMBER, "standard deviation of `normal` weights; else empty"),
        column("bias_std", NUMBER, "standard deviation of the biases"),
        column("normalization", NAME, "none, batch_norm or layer_norm"),
        column("normalization_position", NAME, "before_activation or after_activation"),
        column("residual", pa.bool_(), "whether hidden layers add their input"),
        column("residual_scale", NUMBER, "factor of the branch that is added to the input"),
        column("depth", COUNT, "weight layers, the output layer included", "layers"),
        column("width", COUNT, "units of a hidden layer", "units"),
        column("probe_examples", COUNT, "examples of the probe batch", "examples"),
        column("input_scale", NUMBER, "factor of every standardised input"),
        column("layer", COUNT, "weight layer; 1 is nearest the input"),
        column("predicted_log10_error_signal_norm", NUMBER, "in the wide limit", "decades"),
        column("predicted_log10_weight_gradient_norm", NUMBER, "in the wide limit", "decades"),
        column("predicted_log10_activation_rms", NUMBER, "in the wide limit", "decades"),
        column(
            "gain",
            NUMBER,
            "√(n Var(W) E[φ'²]), what multiplies the error signal on its way to this layer; nan "
            "for the output layer, and with normalisation or residual layers",
        ),
        column(
            "predicted_weight_spectral_norm",
            NUMBER,
            "largest singular value of W in the wide limit; nan of a user's own initialisation",
        ),
        column(
            "asymptotic_slope",
            NUMBER,
            "what the error signal gains per layer towards the input at the fixed point of q that "
            "the data's first variance leads to; empty with normalisation or residual layers",
            "decades/layer",
        ),
        column(
            "finite_width_drift",
            NUMBER,
            "largest drift of one example's log10 error signal norm from the wide limit; empty "
            "with normalisation or residual layers",
            "decades/layer",
        ),
    ],
)
PREDICTED_MODULES = table(
    "results/theory/<network sweep>/",
    "a module of a predicted network; a user's own network has none",
    [
        column("dataset", NAME, "data set whose first training rows are the probe batch"),
        column("architecture", NAME, "conv, resnet or transformer"),
        column("architecture_options", NAME, "the options given, as JSON"),
        column("probe_examples", COUNT, "examples of the probe batch", "examples"),
        column("module", NAME, "its name in the network"),
        column(
            "predicted_log10_error_signal_gain",
            NUMBER,
            "the error signal's norm over that of the last module of this table, in the wide limit",
            "decades",
        ),
        column(
            "predicted_log10_error_signal_norm",
            NUMBER,
            "in the wide limit; nan where its level is not predicted",
            "decades",
        ),
        column(
            "predicted_log10_weight_gradient_norm",
            NUMBER,
            "in the wide limit; nan where its level is not predicted",
            "decades",
        ),
    ],
)
RECURRENT_SIGNALS = table(
    "results/theory/recurrent/",
    "a lag of a predicted recurrent network",
    [
        column("cell", NAME, "rnn, lstm or gru"),
        column("sequence_length", COUNT, "time steps T of a sequence", "time steps"),
        column("hidden_size", COUNT, "hidden units", "units"),
        column("recurrent_initialization", NAME, "standard, normal or orthogonal"),
        column("recurrent_scale", NUMBER, "factor g of the recurrent weights"),
        column("gate_bias", NAME, "bias of the gate that keeps the state; empty for rnn"),
        column("lag", COUNT, "time steps T - t before the end of the sequence", "time steps"),
        column(
            "predicted_signal",
            NUMBER,
            "norm of dl/dh_t over that at lag 0 before training, in the wide limit",
        ),
        column("factor", NUMBER, "the same over that at the lag before; nan at lag 0"),
        column("loss_without_memory", NUMBER, "least mean squared error without memory"),
    ],
)
SPECTRA = table(
    "results/theory/jacobian/",
    "a depth of a kind of random network at criticality",
    [
        column("variant", NAME, "name of the kind of network in the config"),
        column("depth", COUNT, "layers between input and output", "layers"),
        column("sigma_w2", NUMBER, "n times the variance of a weight"),
        column("sigma_b2", NUMBER, "variance of a bias"),
        column("slope_ratio", NUMBER, "E[φ'^4]/E[φ'²]² at the pre-activations' variance"),
        column("first_coefficient", NUMBER, "s_1: -1 for Gaussian weights, 0 for orthogonal ones"),
        column("variance_in_the_limit", NUMBER, "of the squared singular values, wide limit"),
        column("variance_at_width", NUMBER, "its mean over networks of the config's width"),
        column("radial_share", NUMBER, "what the input's own direction adds to the variance"),
        column("radial_singular_value", NUMBER, "of the input's own direction, V'(q)^depth"),
    ],
)
PREDICTED_LOG_NORMS = table(
    "results/theory/finite_width/",
    "a depth of random ReLU networks of a width",
    [
        column("width", COUNT, "units of every layer", "units"),
        column("depth", COUNT, "layers", "layers"),
        column("mean", NUMBER, "of ln of a squared norm, exact at this width"),
        column("variance", NUMBER, "of ln of a squared norm, exact at this width"),
        column("beta", NUMBER, "5 depth/width, of which the limit makes mean -β/2, variance β"),
    ],
)
PHASES = table(
    "results/theory/phase_diagram/",
    "a point of the plane of weight and bias variances",
    [
        column("part", NAME, "`map`, `cut` (a line through it) or `networks` (those trained)"),
        column("sigma_w2", NUMBER, "n times the variance of a weight"),
        column("sigma_b2", NUMBER, "variance of a bias"),
        column("variance", NUMBER, "q*, of the pre-activations"),
        column("chi", NUMBER, "factor of the squared error signal per layer; above 1: chaos"),
        column("variance_depth", NUMBER, "ξ_q", "layers"),
        column("correlation_depth", NUMBER, "ξ_c", "layers"),
    ],
)
PREDICTED_LOST_SHARES = table(
    "results/theory/half_precision/",
    "a layer's weight gradient in a floating-point format",
    [
        column("variant", NAME, "name of the network in the config"),
        column("layer", COUNT, "weight layer; 1 is nearest the input, and not predicted"),
        column("format", NAME, "`float16`, `bfloat16` or `float32`"),
        column("loss_scale", COUNT, "k: the gradient is multiplied by 2^k and then cast"),
        column("log10_rms", NUMBER, "of an entry of the gradient, in the wide limit", "decades"),
        column(
            "lost_share",
            NUMBER,
            "of the entries, those that the cast makes 0; nan where inputs differ",
        ),
    ],
)
_RATE = column("learning_rate", NUMBER, "η of descent")
_MOMENTUM = column("momentum", NUMBER, "β of heavy ball; 0 is gradient descent")
QUADRATIC_PATHS = table(
    "results/theory/quadratic_paths/",
    "a point of the curve on which descent's steps lie",
    [
        _RATE,
        column("branch", COUNT, "1, or -1 for the other side, which odd steps are on"),
        column("k", NUMBER, "number of steps, whole or not", "steps"),
        column("theta_1", NUMBER, "first parameter, of size |1 - ηλ_1|^k times its start"),
        column("theta_2", NUMBER, "second parameter, of size |1 - ηλ_2|^k times its start"),
        column("loss", NUMBER, "half the sum of λ_i θ_i² over all parameters"),
    ],
)
QUADRATIC_BOWL = table(
    "results/theory/quadratic_bowl/",
    "a point of a regular grid",
    [
        column("theta_1", NUMBER, "first parameter"),
        column("theta_2", NUMBER, "second parameter"),
        column("loss", NUMBER, "half the sum of λ_i θ_i², other parameters 0"),
        column("curvature_1", NUMBER, "eigenvalue λ_1 of the Hessian"),
        column("curvature_2", NUMBER, "eigenvalue λ_2 of the Hessian"),
        column("dimensions", COUNT, "number of parameters", "parameters"),
    ],
)
QUADRATIC_RATES = table(
    "results/theory/quadratic_rates/",
    "a learning rate",
    [
        _MOMENTUM,
        _RATE,
        column("scanned", pa.bool_(), "whether the experiment has this rate; else for a curve"),
        column("contraction", NUMBER, "largest eigenvalue of the iteration", "1/step"),
    ],
)
QUADRATIC_THRESHOLDS = table(
    "results/theory/quadratic_thresholds/",
    "a momentum",
    [
        _MOMENTUM,
        column("threshold", NUMBER, "2(1 + β)/λ_max, above which the distance grows"),
        column("crossing_rate", NUMBER, "1/λ_max, above which a parameter changes sign; β = 0"),
        column("best_rate", NUMBER, "2/(λ_min + λ_max), the fastest; β = 0"),
        column("best_contraction", NUMBER, "factor of the distance there; β = 0", "1/step"),
    ],
)
ESCAPES = table(
    "results/theory/escapes/",
    "a learning rate of an escape",
    [
        column("problem", NAME, "name of the loss in the config"),
        _RATE,
        column("place", NAME, "`saddle`, `above_saddle`, `valley`, or empty: no theory"),
        column("slowdown", NUMBER, "descent's time over the flow's beside a saddle"),
        column("overshoot_rate", NUMBER, "η from which descent jumps across its valley"),
        column("divergence_rate", NUMBER, "η from which descent diverges at the start"),
    ],
)
