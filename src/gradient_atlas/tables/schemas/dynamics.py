"""The tables of the dynamics stage."""

import pyarrow as pa

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, SEED, STEP, column, table

DESCENT_STATUS = column(
    "status", NAME, "`ok`, or `diverged`: the loss left 1e6 times its start, and the run ended"
)
SMALLEST_CURVATURE = column("smallest_curvature", NUMBER, "smallest eigenvalue of the Hessian")
LARGEST_CURVATURE = column("largest_curvature", NUMBER, "largest eigenvalue of the Hessian")
MOMENTUM = column("momentum", NUMBER, "β of heavy ball; 0 is gradient descent")
PROBLEM = column("problem", NAME, "name of the loss in the config")
LOSS_FUNCTION = column(
    "loss_function", NAME, "`quadratic`, `rosenbrock`, `two_factor`, `network` or module:function"
)
SOLVER_ERROR = column(
    "solver_error", NUMBER, "the flow's own error: its change at a hundred times less tolerance"
)


SHARPNESS = table(
    "results/dynamics/sharpness/activation=<name>/learning_rate=<rate>/",
    "a step of full-batch descent",
    [
        SEED,
        STEP,
        column("train_loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("sharpness", NUMBER, "largest Hessian eigenvalue; empty where not measured"),
        column("second_eigenvalue", NUMBER, "second largest; empty where not measured"),
        column("step_curvature", NUMBER, "mean curvature of the loss along the step made last"),
        column("status", NAME, "`ok`, or `diverged` at the point that ended the run"),
    ],
)
FLOW_SHARPNESS = table(
    "results/dynamics/flow_sharpness/activation=<name>/",
    "a point of the same network's gradient flow",
    [
        SEED,
        column("step", COUNT, "steps the solver has accepted so far", "steps"),
        column("time", NUMBER, "time of the gradient flow; step k of descent is at kη"),
        column("train_loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("sharpness", NUMBER, "largest Hessian eigenvalue"),
        column("energy_error", NUMBER, "error of the solver: loss + energy given off - start"),
    ],
)
QUADRATIC = table(
    "results/dynamics/quadratic/",
    "a step of descent on the quadratic",
    [
        column("learning_rate", NUMBER, "η of gradient descent"),
        STEP,
        column("theta_1", NUMBER, "parameter of the first eigenvalue"),
        column("theta_2", NUMBER, "parameter of the second eigenvalue"),
        column("distance", NUMBER, "norm of all parameters: distance to the minimum"),
        column("loss", NUMBER, "half the sum of λ_i θ_i²"),
        DESCENT_STATUS,
        SMALLEST_CURVATURE,
        LARGEST_CURVATURE,
    ],
)
CONVERGENCE = table(
    "results/dynamics/convergence/",
    "a learning rate of the scan",
    [
        MOMENTUM,
        column("learning_rate", NUMBER, "η"),
        column("contraction", NUMBER, "factor of the distance to the minimum", "1/step"),
        SMALLEST_CURVATURE,
        LARGEST_CURVATURE,
    ],
)
THRESHOLD = table(
    "results/dynamics/threshold/",
    "a momentum",
    [
        MOMENTUM,
        column("converging_rate", NUMBER, "largest η seen to converge by the bisection"),
        column("growing_rate", NUMBER, "smallest η seen to grow by the bisection"),
        SMALLEST_CURVATURE,
        LARGEST_CURVATURE,
    ],
)
FLOW = table(
    "results/dynamics/flow/",
    "a point of a path",
    [
        PROBLEM,
        LOSS_FUNCTION,
        SEED,
        column("method", NAME, "`flow` (adaptive solver) or `descent`"),
        column("learning_rate", NUMBER, "η of descent; 0 for the flow, its limit"),
        column("step", COUNT, "updates of descent; running number of the flow's points"),
        column("time", NUMBER, "t of the flow, kη of descent", "time"),
        column("theta_1", NUMBER, "first parameter, or coordinate in the plane of the paths"),
        column("theta_2", NUMBER, "second parameter, or coordinate in the plane of the paths"),
        column("displacement", NUMBER, "distance from the start in all parameters"),
        column("distance_to_flow", NUMBER, "distance to the flow at t = kη, all parameters"),
        column("loss", NUMBER, "L"),
        DESCENT_STATUS,
        SOLVER_ERROR,
    ],
)
LANDSCAPE = table(
    "results/dynamics/landscape/",
    "a point of the plane that a picture shows",
    [
        PROBLEM,
        LOSS_FUNCTION,
        SEED,
        column("theta_1", NUMBER, "as in the table flow; a regular grid"),
        column("theta_2", NUMBER, "as in the table flow; a regular grid"),
        column("loss", NUMBER, "L on the plane"),
        column("plane_share", NUMBER, "share of the paths' variance that lies in the plane"),
    ],
)
ORDER = table(
    "results/dynamics/order/",
    "a number of steps of descent to one time",
    [
        PROBLEM,
        LOSS_FUNCTION,
        SEED,
        column("method", NAME, "`descent`, or `runge_kutta_4` with a constant step"),
        column("reference", NAME, "`flow`, or `modified_flow` of L + η/4 times |∇L|²"),
        column("learning_rate", NUMBER, "η, the step size", "time"),
        column("time", NUMBER, "t at which both are compared", "time"),
        column("distance", NUMBER, "distance between the two at that time, all parameters"),
        SOLVER_ERROR,
        DESCENT_STATUS,
    ],
)
ESCAPE = table(
    "results/dynamics/escape/",
    "a learning rate",
    [
        PROBLEM,
        column("learning_rate", NUMBER, "η of descent"),
        column("time", NUMBER, "kη of the first step with L at most level; else inf", "time"),
        column("flow_time", NUMBER, "t at which the flow reaches level", "time"),
        column("solver_error", NUMBER, "flow_time's own error, as elsewhere", "time"),
        DESCENT_STATUS,
        column("start_1", NUMBER, "first parameter at the start"),
        column("start_2", NUMBER, "second parameter at the start"),
        column("level", NUMBER, "loss at which the slow region counts as left"),
    ],
)
CENTRAL_FLOW = table(
    "results/dynamics/central_flow/",
    "a step of descent, or of the central flow beside it",
    [
        SEED,
        column("method", NAME, "`descent`, `central_flow` or `gradient_flow`"),
        column("step", COUNT, "steps of descent; a flow has reached time kη", "steps"),
        column("train_loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("predicted_loss", NUMBER, "descent's mean loss as the central flow predicts it"),
        column("sharpness", NUMBER, "largest Hessian eigenvalue; empty where not measured"),
        column("variance", NUMBER, "predicted mean square distance of descent from its flow"),
        column("critical", COUNT, "eigenvalues within a tenth of 2/η or above"),
        column("distance", NUMBER, "Euclidean, of a flow's weights from averaged descent"),
        column("moved", NUMBER, "Euclidean, of averaged descent from the start"),
    ],
)
OPTIMIZER_EDGES = table(
    "results/dynamics/optimizer_edges/",
    "a measured step of an optimiser with the full batch",
    [
        column("optimizer", NAME, "`heavy_ball`, `nesterov` or `adam`"),
        column("learning_rate", NUMBER, "η"),
        column("momentum", NUMBER, "β; of Adam β₁"),
        column("steps", COUNT, "steps planned", "steps"),
        SEED,
        STEP,
        column("train_loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("sharpness", NUMBER, "largest eigenvalue of the Hessian, of Adam's over P"),
        column("threshold", NUMBER, "that above which a quadratic diverges, closed form"),
        column("status", NAME, "`ok`, or `diverged` at the point that ended the run"),
    ],
)
OPTIMIZER_THRESHOLDS = table(
    "results/dynamics/optimizer_thresholds/",
    "an optimiser and momentum",
    [
        column("optimizer", NAME, "as above; Adam with its preconditioner held at 1"),
        column("momentum", NUMBER, "β; of Adam β₁"),
        column("converging_rate", NUMBER, "largest η seen to converge, on half θ²"),
        column("growing_rate", NUMBER, "smallest η seen to grow, on half θ²"),
        column("threshold", NUMBER, "the η of the closed form"),
    ],
)
CATAPULT = table(
    "results/dynamics/catapult/",
    "a learning rate and seed of two linear layers",
    [
        column("seed", COUNT, "seed of the weights"),
        column("scaled_rate", NUMBER, "η times the curvature at the start"),
        column("learning_rate", NUMBER, "η"),
        column("start_output", NUMBER, "f of the only example at the start"),
        column("start_curvature", NUMBER, "λ, mean square weight of a unit, at the start"),
        column("end_curvature", NUMBER, "λ after the last step; infinite where diverged"),
        column("end_loss", NUMBER, "half f² after the last step; infinite where diverged"),
        column("largest_loss", NUMBER, "largest of all steps; infinite where diverged"),
        DESCENT_STATUS,
        column("predicted_curvature", NUMBER, "end_curvature by the map of f and λ"),
        column("predicted_largest_loss", NUMBER, "largest_loss by the map of f and λ"),
    ],
)
LIMITS = table(
    "results/dynamics/limits/",
    "a point of a limit's path, or a step of the optimiser that it is the limit of",
    [
        column("limit", NAME, "`rescaled_flow`, `inertial_flow`, `sign_flow`, `adaptive_flow`"),
        SEED,
        column("steps", COUNT, "updates to the horizon; 0 for the limit itself", "steps"),
        column("fine", pa.bool_(), "whether the order is fitted to this number of steps"),
        column("learning_rate", NUMBER, "η of the optimiser; 0 for the limit"),
        STEP,
        column("time", NUMBER, "t of the limit", "time"),
        column("loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("distance", NUMBER, "distance to the limit at that time, all parameters"),
        column("modified_distance", NUMBER, "at the end, to the flow of second order, if any"),
        column("solver_error", NUMBER, "the limit's own: its change at a hundredth the tolerance"),
        column("status", NAME, "`ok`, or `diverged`: a loss that is not finite"),
    ],
)
WARMUP = table(
    "results/dynamics/warmup/",
    "a logged step of descent whose learning rate warms up",
    [
        SEED,
        column("warmup", COUNT, "steps until the whole rate is reached; 0: none", "steps"),
        column("scaled_rate", NUMBER, "η over 2 / (sharpness at the start)"),
        column("learning_rate", NUMBER, "η after the warm-up"),
        column("start_sharpness", NUMBER, "largest Hessian eigenvalue at the start"),
        column("shown", pa.bool_(), "whether sharpness is measured at this rate"),
        STEP,
        column("rate", NUMBER, "the rate of the update about to be made"),
        column("train_loss", NUMBER, "half the squared distance to the one-hot labels, mean"),
        column("largest_loss", NUMBER, "the largest of all steps so far; infinite where diverged"),
        column("gradient_norm", NUMBER, "norm of the gradient of all weights"),
        column("sharpness", NUMBER, "largest Hessian eigenvalue; empty where not measured"),
        DESCENT_STATUS,
    ],
)
WIDTH = table(
    "results/dynamics/width/",
    "a run of full-batch descent",
    [
        column("parametrization", NAME, "`standard` or `maximal_update`"),
        column("width", COUNT, "units of each hidden layer", "units"),
        SEED,
        column("learning_rate", NUMBER, "η of the narrowest network; a layer's factor is apart"),
        column("train_loss", NUMBER, "after the last step; infinite where diverged"),
        DESCENT_STATUS,
    ],
)
COORDINATES = table(
    "results/dynamics/coordinates/",
    "a layer after a few steps at one learning rate",
    [
        column("parametrization", NAME, "`standard` or `maximal_update`"),
        column("width", COUNT, "units of each hidden layer", "units"),
        SEED,
        column("layer", COUNT, "1 is nearest the input"),
        column("layers", COUNT, "layers of weights"),
        column("change", NUMBER, "root mean square change of its outputs since the start"),
    ],
)
