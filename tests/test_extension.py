import pytest

from gradient_atlas.errors import InputError
from gradient_atlas.runs import extension


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_functions.py").write_text("def cube(z):\n    return z**3\n\nnumber = 3\n")
    (tmp_path / "own_broken.py").write_text("raise RuntimeError('two\\nlines')\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    import sys

    for name in ("own_functions", "own_broken"):
        sys.modules.pop(name, None)


def test_a_callable_of_the_working_directory_is_found(own_module):
    assert extension.load("own_functions:cube", "activation")(2) == 8
    assert extension.source_file("own_functions:cube", "activation") == (
        own_module / "own_functions.py"
    )


def test_the_search_path_is_left_as_it_was(own_module):
    import sys

    before = list(sys.path)
    extension.load("own_functions:cube", "activation")
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_functions:missing", "does not exist"),
        ("own_functions:number", "not callable"),
        ("own_absent:cube", "no module 'own_absent'"),
        ("own_broken:cube", "RuntimeError: two lines"),
        ("own functions:cube", "package.module:callable"),
        ("own_functions:", "package.module:callable"),
        ("a:b:c", "package.module:callable"),
    ],
)
def test_a_bad_name_is_one_clear_line(own_module, name, words):
    with pytest.raises(InputError) as caught:
        extension.load(name, "activation")
    message = str(caught.value)
    assert words in message
    assert message.startswith("activation:")
    assert "\n" not in message


def test_the_source_of_an_absent_module_is_an_error(own_module):
    with pytest.raises(InputError, match="own_absent"):
        extension.source_file("own_absent.deep:cube", "initialization")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("def sine(z): return z.sin()", True),
        ("from torch import sin as sine", True),
        ("from torch import *", True),
        ("sine = cosine = None", True),
        ("def __getattr__(name): return abs", True),
        ("def sine(z) return z", True),  # said where it is imported
        ("def cosine(z): return z.cos()", False),
    ],
)
def test_a_function_that_a_file_has_not_is_refused_before_it_is_imported(
    tmp_path, monkeypatch, text, known
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waves_of_mine.py").write_text(text)
    if known:
        assert (
            extension.source_file("waves_of_mine:sine", "activation")
            == tmp_path / "waves_of_mine.py"
        )
    else:
        with pytest.raises(InputError, match="activation: 'waves_of_mine:sine': 'sine' does not"):
            extension.source_file("waves_of_mine:sine", "activation")
