"""Names beside lines: on nothing, and nearest to what they name."""

import numpy as np
from matplotlib import pyplot as plt

from gradient_atlas.drawing.looks.names import name_lines


def drawn(heights, names):
    """Level lines at these heights with their names; the names' texts and those left out."""
    figure, axes = plt.subplots(figsize=(3, 3))
    x = np.arange(50.0)
    lines = [
        (axes.plot(x, np.full(50, height), "o-")[0], name)
        for height, name in zip(heights, names, strict=True)
    ]
    axes.set_ylim(-1, 10)
    figure.draw_without_rendering()
    homeless = name_lines(axes, lines)
    renderer = figure.canvas.get_renderer()
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in axes.texts}
    levels = dict(
        zip(names, axes.transData.transform([(0, y) for y in heights])[:, 1], strict=True)
    )
    plt.close(figure)
    return boxes, levels, homeless


def test_a_name_lies_on_no_line_and_nearest_to_its_own():
    boxes, levels, homeless = drawn([0.0, 3.0, 6.0, 9.0], ["one", "two", "three", "four"])
    assert not homeless
    for name, box in boxes.items():
        assert not any(box.y0 <= level <= box.y1 for level in levels.values())
        middle = (box.y0 + box.y1) / 2
        assert min(levels, key=lambda other: abs(levels[other] - middle)) == name
    placed = list(boxes.values())
    assert not any(a.overlaps(b) for i, a in enumerate(placed) for b in placed[:i])


def test_lines_that_lie_on_one_another_bear_no_name():
    boxes, _, homeless = drawn([5.0, 5.0, 5.02], ["one", "two", "three"])
    assert homeless == ["one", "two", "three"] and not boxes
