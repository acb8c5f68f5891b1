import io

from gradient_atlas.training.progress import Progress


def test_lines_say_step_loss_and_time_left():
    now = [100.0]
    stream = io.StringIO()
    progress = Progress("run seed=0", 40, interval=10, clock=lambda: now[0], stream=stream)
    now[0] = 109.9
    assert not progress.is_due()
    now[0] = 110.0
    assert progress.is_due()
    progress.report(10, 2.302585)
    assert not progress.is_due()
    now[0] = 140.0
    progress.finish(40, "ok")
    assert stream.getvalue().splitlines() == [
        "run seed=0: start, 40 steps",
        "run seed=0: step 10 of 40, loss 2.303, 30 s left",
        "run seed=0: ok after 40 steps, 40 s",
    ]
