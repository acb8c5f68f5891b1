"""Tables keep their schema, their metadata and nothing of an older config."""

import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradient_atlas.errors import InputError
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas import claims, dynamics, theory, training
from gradient_atlas.tables.schemas.claims import CLAIMS

CLAIM = {
    "claim": ["a"],
    "figure": ["f"],
    "source": ["s"],
    "statement": ["x"],
    "condition": ["c"],
    "kind": ["mean"],
    "quantity": ["q"],
    "measured": [1e-30],
    "spread": [math.nan],
    "samples": [1],
    "interval_low": [math.nan],
    "interval_high": [math.nan],
    "lower": [-math.inf],
    "upper": [1.0],
    "unit": ["1"],
    "verdict": ["supported"],
    "margin": [0.5],
    "seeds_to_decide": [math.nan],
    "remark": [""],
}


def test_a_table_comes_back_with_its_schema_and_what_made_it(tmp_path):
    path = tmp_path / "depth=3" / "part.parquet"
    tables.write(CLAIMS, CLAIM, path, {"run": {"depth": 3, "clip_norm": None}})
    frame = tables.read(tmp_path)
    assert frame.loc[0, "measured"] == 1e-30
    assert frame.loc[0, "depth"] == 3  # the run's own type wins over the folder's text
    assert pq.read_schema(path).names == CLAIMS.names
    made_by = tables.metadata(path)
    assert made_by["run"] == {"depth": 3, "clip_norm": None}
    assert made_by["versions"]["pyarrow"]
    assert len(made_by["code"]) == 64


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        tables.write(CLAIMS, CLAIM, tmp_path / name / "part.parquet", {"run": {}})
    one, other = ((tmp_path / name / "part.parquet").read_bytes() for name in ("a", "b"))
    assert one == other
    assert str(tmp_path).encode() not in one


@pytest.mark.parametrize("change", [{"extra": [1]}, {"samples": ["many"]}])
def test_other_columns_and_types_are_refused_and_leave_nothing(tmp_path, change):
    with pytest.raises(Exception, match=r"extra|many"):
        tables.write(CLAIMS, CLAIM | change, tmp_path / "part.parquet", {})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_and_a_broken_table_are_named(tmp_path):
    with pytest.raises(InputError, match="build it"):
        tables.read(tmp_path)
    (tmp_path / "part.parquet").write_bytes(b"rubbish")
    with pytest.raises(InputError, match=r"part\.parquet: not a readable"):
        tables.read(tmp_path)


def test_runs_that_left_the_sweep_are_not_read(tmp_path):
    for depth in (2, 3):
        path = tmp_path / f"training/s/metrics/depth={depth}/part.parquet"
        tables.write(CLAIMS, CLAIM, path, {"run": {"depth": depth}})
    names = {"metrics": "training/s/metrics"}
    found = tables.gather(names, tmp_path, {"training/s": {"grid": {"depth": [3]}}})
    assert found["metrics"]["depth"].tolist() == [3]
    assert len(tables.gather(names, tmp_path, {})["metrics"]) == 2


@pytest.mark.parametrize("stage", [claims, dynamics, theory, training])
def test_every_column_says_what_it_is_and_its_unit(stage):
    schemas = [value for value in vars(stage).values() if isinstance(value, pa.Schema)]
    assert schemas
    for field in (field for schema in schemas for field in schema):
        assert field.metadata[b"description"]
        assert field.metadata[b"unit"]


def test_metadata_is_json_a_stranger_can_read(tmp_path):
    path = tmp_path / "part.parquet"
    tables.write(CLAIMS, pd.DataFrame(CLAIM), path, {"run": {"depth": 3}})
    assert json.loads(pq.read_schema(path).metadata[b"run"]) == {"depth": 3}


def test_only_the_rows_that_a_figure_asks_for_are_read(tmp_path):
    claim = {key: [*value, *value] for key, value in CLAIM.items()} | {"samples": [0, 1]}
    for depth in (2, 3):
        path = tmp_path / f"training/s/metrics/depth={depth}/part.parquet"
        tables.write(CLAIMS, claim, path, {"run": {"depth": depth}})
    names = {"some": "training/s/metrics?samples=0", "all": "training/s/metrics"}
    found = tables.gather(names, tmp_path, {"training/s": {"grid": {"depth": [3, 2]}}})
    assert found["some"]["depth"].tolist() == [3, 2]
    expected = found["all"][found["all"]["samples"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(found["some"], expected)
    with pytest.raises(InputError, match="no column sample, which a figure asks for: sample=0"):
        tables.gather({"some": "training/s/metrics?sample=0"}, tmp_path, {})


@pytest.mark.parametrize("asked", ["columns=claim,unit", "samples=1&columns=claim,unit"])
@pytest.mark.parametrize("files", [1, 2, 2 * tables._TOGETHER + 1])
def test_only_the_columns_that_a_figure_asks_for_are_read_with_every_parameter(
    tmp_path, asked, files
):
    claim = {key: [*value, *value] for key, value in CLAIM.items()} | {"samples": [0, 1]}
    depths = list(range(files))
    for depth in depths:
        run = {"depth": depth, "clip_norm": None, "activation": "tanh"}
        path = tmp_path / f"training/s/metrics/depth={depth}/part.parquet"
        tables.write(CLAIMS, claim | {"unit": [f"m{depth}", None]}, path, {"run": run})
    names = {"some": f"training/s/metrics?{asked}", "all": "training/s/metrics"}
    found = tables.gather(names, tmp_path, {"training/s": {"grid": {"depth": depths}}})
    expected = found["all"]
    if asked.startswith("samples"):
        expected = expected[expected["samples"] == 1].reset_index(drop=True)
    others = ["claim", "unit", "depth", "clip_norm", "activation"]
    names = [name for name in expected if name in [*others, *["samples"] * ("samples" in asked)]]
    pd.testing.assert_frame_equal(found["some"][names], expected[names])
    assert sorted(found["some"]) == sorted(names)
    with pytest.raises(InputError, match="no column units, which a figure asks for"):
        tables.gather({"some": "training/s/metrics?columns=units"}, tmp_path, {})
    assert (tmp_path / "training/s/metrics/depth=0/part.parquet").exists()  # and is not damaged


def test_what_one_figure_changes_no_other_sees(tmp_path):
    path = tmp_path / "training/s/metrics/part.parquet"
    tables.write(CLAIMS, CLAIM, path, {"run": {"depth": 2}})
    once = {}
    first = tables.gather({"a": "training/s/metrics"}, tmp_path, {}, once)["a"]
    for column in first:
        first.loc[0, column] = first[column].iloc[0]
    first["samples"] += 1
    first.loc[0, "depth"] = 7
    again = tables.gather({"a": "training/s/metrics"}, tmp_path, {}, once)["a"]
    assert (again["samples"] == first["samples"] - 1).all()
    assert again["depth"].tolist() == [2]


def test_files_of_other_columns_and_types_are_joined_as_frames_would_be(tmp_path):
    """The oracle: each file a frame, all of them concatenated by pandas."""
    kinds = [{"clip": None, "rate": 1}, {"clip": 1.0, "rate": 0.5}, {"clip": None, "rate": 2}]
    extra = pa.schema([*CLAIMS, pa.field("steps", pa.int64())])
    frames = []
    for place, run in enumerate(kinds):
        rows, schema = (CLAIM | {"steps": [7]}, extra) if place == 1 else (CLAIM, CLAIMS)
        path = tmp_path / f"{place}/part.parquet"
        tables.write(schema, rows, path, {"run": run})
        frame = pq.ParquetFile(path).read().to_pandas()
        frames.append(pd.concat([frame, pd.DataFrame({k: [v] for k, v in run.items()})], axis=1))
    expected = pd.concat(frames, ignore_index=True)
    pd.testing.assert_frame_equal(tables.read(tmp_path), expected)
