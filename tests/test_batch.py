"""Part of a sweep by Snakemake's own ``--batch``, as docs/cluster.md says it."""

from tiny_build import RUNS, build, prepare, said

TABLES = "results/training/training_loss/*/*/*/part.parquet"


def test_one_part_computes_some_runs_alone_and_the_whole_only_the_others(tmp_path):
    folder = prepare(tmp_path)
    done = build(folder, "claims", "--batch", "check_claims=1/3")
    assert done.returncode == 0, said(done)
    first = {table: table.stat().st_ino for table in folder.glob(TABLES)}
    assert 0 < len(first) < 2 * RUNS
    assert not (folder / "results/claims.parquet").exists()

    done = build(folder, "claims")
    assert done.returncode == 0, said(done)
    whole = {table: table.stat().st_ino for table in folder.glob(TABLES)}
    assert len(whole) == 2 * RUNS
    assert first.items() <= whole.items()  # none was made again
    assert (folder / "results/claims.parquet").exists()
