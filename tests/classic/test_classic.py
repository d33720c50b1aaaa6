"""gpunn.classic: what lectures do before Keras, against closed forms, the tape and plain differences."""
import math

import numpy as np
import pytest

import gpunn as keras
from gpunn import classic, ops
from gpunn.wrappers import SKLearnClassifier

R = np.random.default_rng(0)
POINTS = R.normal(size=(120, 2))
SIDES = np.where(POINTS @ [3, -2] + 1 > 0, 1, -1)               # the line 1 + 3 x1 - 2 x2
CLEAR = abs(POINTS @ [3, -2] + 1) > 0.5
SVM_W, SVM_X, SVM_Y = R.normal(size=(3, 4)), R.normal(size=(6, 3)), np.array([0, 1, 2, 3, 1, 1])


def test_h7_a_perceptron_learns_from_mistakes_only():
    one = classic.Perceptron(rate=0.5).fit([[1.0, 2.0]], [-1])
    np.testing.assert_array_equal(one.weights, [-1, -2, -1])    # w + 0.5 (-1 - 1) x, once; then it is right
    assert one.mistakes == [1, 0] and one.predict([[1.0, 2.0], [-1.0, -2.0]]).tolist() == [-1, 1]


def test_h7_a_perceptron_separates_what_a_line_separates():
    made = classic.Perceptron(passes=1000).fit(POINTS[CLEAR], SIDES[CLEAR])
    assert made.mistakes[-1] == 0 and made.score(POINTS[CLEAR], SIDES[CLEAR]) == 1


def test_h26_one_perceptron_cannot_do_xor():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert classic.Perceptron().fit(corners, [-1, 1, 1, -1]).score(corners, [-1, 1, 1, -1]) < 1


def test_h8_logistic_regression_finds_the_maximum_of_the_likelihood():
    y = (R.random(120) < 1 / (1 + np.exp(-(POINTS @ [1, -2] + 0.5)))).astype(int)
    made = classic.LogisticRegression(1.0, 3000).fit(POINTS, y)
    ones = np.c_[POINTS, np.ones(120)]
    np.testing.assert_allclose(ones.T @ (y - made.probability(POINTS)), 0, atol=1e-8)
    np.testing.assert_allclose(made.probability([[0.3, 0.4]]), 1 / (1 + np.exp(-([0.3, 0.4, 1] @ made.weights))))
    assert made.score(POINTS, y) > 0.7 and set(made.predict(POINTS)) == {0, 1}


def test_h8_a_unit_of_keras_learns_the_same():
    y = (SIDES + 1) // 2
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    model.fit(POINTS, y, batch_size=120, epochs=40, verbose=0)
    made = classic.LogisticRegression(0.5, 40).fit(POINTS, y)
    np.testing.assert_allclose(np.r_[model.get_weights()[0][:, 0], model.get_weights()[1]], made.weights, rtol=1e-4)


def test_h11_one_step_of_linear_regression():
    """w0 += rate sum (y - h), w1 += rate sum (y - h) x, from w1 = 2, w0 = 1 on the points (1, 2) and (3, 5)."""
    made = classic.LinearRegression(0.1)
    made.weights, x, y = np.array([2.0, 1.0]), np.array([[1.0, 1], [3, 1]]), np.array([2.0, 5])
    made.step(x, y)                                             # h = 3, 7: errors -1, -2
    np.testing.assert_allclose(made.weights, [2 + 0.1 * (-1 - 6), 1 + 0.1 * -3])
    made.weights = np.array([2.0, 1.0])
    made.step(x[:1], y[:1])                                     # the rule for one example
    np.testing.assert_allclose(made.weights, [1.9, 0.9])


def test_h11_the_slope_of_the_squares():
    def loss(w):
        return ops.sum(ops.square(y - (w[0] * x + w[1])))
    x, y = np.array([1.0, 3.0]), np.array([2.0, 5.0])
    da, db = keras.grad(loss)(np.array([2.0, 1.0])).numpy()     # sum 2 (f* - f)(-x), sum 2 (f* - f)(-1)
    assert (da, db) == (2 * (1 * 1 + 2 * 3), 2 * (1 + 2))


def test_h11_linear_regression_ends_where_the_normal_equations_do():
    y = POINTS @ [1.5, -0.5] + 2 + 0.1 * R.normal(size=120)
    made = classic.LinearRegression(0.005, 500).fit(POINTS, y)
    exact = np.linalg.lstsq(np.c_[POINTS, np.ones(120)], y, rcond=None)[0]
    np.testing.assert_allclose(made.weights, exact, rtol=1e-6)
    assert made.score(POINTS, y) > 0.98


def test_h11_a_line_through_points():
    made = classic.LinearRegression(0.02, 2000).fit([1.0, 2.0, 3.0], [3.0, 5.0, 7.0])
    np.testing.assert_allclose([*made.weights, made.predict([10.0])[0]], [2, 1, 21], rtol=1e-6)


def test_x10_the_factor_two_is_in_the_rate():
    x, y, rate = np.c_[POINTS, np.ones(120)], POINTS @ [1.0, 2.0], 0.001
    made = classic.LinearRegression(rate)
    made.weights = np.array([0.5, -0.5, 0.1])
    slope = keras.grad(lambda w: ops.sum(ops.square(y - ops.matmul(x, w))))(made.weights.copy()).numpy()
    expected = made.weights - rate / 2 * slope
    made.step(x, y)
    np.testing.assert_allclose(made.weights, expected)


@pytest.mark.parametrize("delta", [1.0, 0.3])
def test_c18_c20_c21_the_svm_loss_and_its_gradient_by_loops(delta):
    loss, dw = 0.0, np.zeros((3, 4))
    for x, y in zip(SVM_X, SVM_Y):
        for j in {0, 1, 2, 3} - {y}:
            margin = SVM_W[:, j] @ x - SVM_W[:, y] @ x + delta
            loss += max(0, margin) / 6
            dw[:, j] += (margin > 0) * x / 6
            dw[:, y] -= (margin > 0) * x / 6
    got, gradient = classic.svm_loss(SVM_W, SVM_X, SVM_Y, delta)
    assert got == pytest.approx(loss)
    np.testing.assert_allclose(gradient, dw, atol=1e-12)
    assert classic.check_gradient(lambda w: classic.svm_loss(w, SVM_X, SVM_Y, delta)[0], SVM_W, gradient) < 1e-7


def test_c18_c22_numbers_of_the_lecture():
    """Scores 3.2, 5.1, -1.7 with right class 0: 2.9; 1.3, 4.9, 2.0 with 1: 0; 2.2, 2.5, -3.1 with 2: 12.9."""
    x = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    each = [classic.svm_loss(np.eye(3), x[i:i + 1], np.array([i])) for i in range(3)]
    np.testing.assert_allclose([loss for loss, _ in each], [2.9, 0, 12.9])
    np.testing.assert_allclose(each[2][1][:, 2], -2 * x[2])     # two classes missed the margin
    np.testing.assert_allclose(each[1][1], 0)


def test_c17_the_penalty_has_no_half():
    plain, full = (classic.svm_loss(SVM_W, SVM_X, SVM_Y, penalty=p) for p in (0.0, 0.1))
    assert full[0] - plain[0] == pytest.approx(0.1 * np.sum(SVM_W ** 2))
    np.testing.assert_allclose(full[1] - plain[1], 0.2 * SVM_W)


def test_e23_random_search_keeps_the_best():
    seen = []

    def loss(w):
        seen.append(float(np.sum((w - 1) ** 2)))
        return seen[-1]
    weights, lowest = classic.random_search(loss, (2,), 500)
    assert lowest == min(seen) == np.sum((weights - 1) ** 2) and len(seen) == 500 and lowest < 0.1


def test_e24_random_local_search_only_goes_down():
    losses = []

    def loss(w):
        losses.append(float(np.sum((w - 1) ** 2)))
        return losses[-1]
    start = np.full(3, 5.0)
    weights, lowest = classic.random_local_search(loss, start, 1000)
    assert lowest == min(losses) == np.sum((weights - 1) ** 2) < 0.05
    np.testing.assert_array_equal(start, 5)
    assert classic.random_local_search(loss, start, 0)[1] == 48


def test_a19_the_loop_as_printed():
    def loss_fun(data, weights):
        x, y = data
        return ops.mean(ops.square(ops.matmul(x, weights) - y))
    data, weights, step_size = (POINTS, POINTS @ [3.0, -2.0]), np.zeros(2), 0.1
    for _ in range(200):
        weights_grad = classic.evaluate_gradient(loss_fun, data, weights)
        weights += - step_size * weights_grad
    np.testing.assert_allclose(weights, [3, -2], rtol=1e-6)


def test_a20_e5_a_batch_of_256():
    data = np.arange(1000)
    data_batch = classic.sample_training_data(data, 256)
    assert data_batch.shape == (256,) and len(set(data_batch.tolist())) == 256
    x, y = classic.sample_training_data((data, -data), 256, seed=1)
    np.testing.assert_array_equal(x, -y)


def test_e25_e26_numerical_gradients():
    x = np.array([[0.5, -1.0], [2.0, 0.0]])
    exact = np.cos(x) + 2 * x

    def f(x):
        return np.sum(np.sin(x) + x * x)
    np.testing.assert_allclose(classic.numerical_gradient(f, x), exact, rtol=1e-8)
    ahead = abs(classic.numerical_gradient(f, x, 1e-4, central=False) - exact).max()
    central = abs(classic.numerical_gradient(f, x, 1e-4) - exact).max()
    assert 1e-5 < ahead < 1e-3 and central < 1e-7               # errors of order h and of order h^2
    assert classic.check_gradient(f, x, exact) < 1e-8 < 1e-3 < classic.check_gradient(f, x, 1.01 * exact)


def test_i10_i11_descent_in_one_dimension():
    def f(_, x):
        return ops.exp(-x) + x * x
    for rate, steps in ((0.1, 100), (0.3, 40)):
        x = np.array(1.0)
        for _ in range(steps):
            x = x - rate * classic.evaluate_gradient(f, None, x)
        assert x == pytest.approx(0.3517, abs=5e-5) and 2 * x == pytest.approx(math.exp(-x))


@pytest.mark.parametrize("sizes", [[2, 1], [2, 3, 2], [3, 4, 4, 2]])
def test_i7_i8_back_propagation_by_hand_is_the_tape(sizes):
    net, x, y = classic.Network(sizes), R.normal(size=(5, sizes[0])), R.random((5, sizes[-1]))
    before, depth = [v.copy() for v in (*net.weights, *net.biases)], len(net.weights)

    def loss(*parameters):
        a = x
        for w, b in zip(parameters, parameters[depth:]):
            a = ops.sigmoid(ops.matmul(a, w) + b)
        return 0.5 * ops.sum(ops.square(y - a))
    value, slopes = keras.value_and_grad(loss, tuple(range(2 * depth)))(*before)
    assert [d.shape for d in net.deltas(net.forward(x), y)] == [(5, n) for n in sizes[1:]]
    assert net.step(x, y, 0.25) == pytest.approx(float(value))
    for old, slope, new in zip(before, slopes, (*net.weights, *net.biases), strict=True):
        np.testing.assert_allclose(new, old - 0.25 * slope.numpy())


def test_h26_a_hidden_layer_does_xor():
    corners, target = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    net = classic.Network([2, 4, 1], seed=1)
    losses = [net.step(corners, target, 2.0) for _ in range(3000)]
    assert losses[-1] < 0.01 < losses[0]
    np.testing.assert_array_equal(net.forward(corners)[-1] > 0.5, target == 1)


def test_j1_folds_hold_every_row_once():
    parts = classic.folds(23, 5)
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(23))
    assert all(sorted([*train, *test]) == list(range(23)) and len(test) in (4, 5) for train, test in parts)


def test_j1_cross_validation_and_grid_search():
    y = (SIDES + 1) // 2
    assert classic.cross_validate(classic.LogisticRegression, POINTS, y).mean() > 0.9
    results = classic.grid_search(classic.LogisticRegression, {"rate": [0.0, 0.5], "passes": [50, 500]}, POINTS, y)
    assert len(results) == 4 and results[0][1]["rate"] == 0.5 and results[0][0] >= results[-1][0]
    assert {choice["passes"] for score, choice in results if choice["rate"] == 0.0} == {50, 500}


def network(X, y, units):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(2, "softmax")])
    model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy")
    return model


def test_j1_j2_grid_search_over_networks():
    def make(units):
        return SKLearnClassifier(network, model_kwargs={"units": units}, fit_kwargs={"epochs": 15, "verbose": 0})
    (score, choice), _ = classic.grid_search(make, {"units": [1, 8]}, POINTS, SIDES, k=2)
    assert score > 0.9 and choice["units"] in (1, 8)


@pytest.mark.parametrize("f, error, match", [
    (lambda: classic.Perceptron().predict([[1, 2]]), RuntimeError, "Perceptron has learned nothing yet: call fit"),
    (lambda: classic.Perceptron().fit([[1], [2]], [0, 1]), ValueError, r"labels must be -1 and 1, got \[0, 1\]"),
    (lambda: classic.sample_training_data(np.zeros(3), 4), ValueError, "n must be at most 3"),
    (lambda: classic.folds(3, 4), ValueError, "k must lie between 2 and the number of examples, 3, got 4"),
])
def test_says(f, error, match):
    with pytest.raises(error, match=match):
        f()
