"""What a training says where nobody watches a bar."""

from unmask.app import progress


def test_losses_and_the_time_left_are_lines_where_stderr_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "LINES", 2)
    with progress.losses("training x") as advance:
        for done, loss in ((25, 1.0), (50, 0.5), (100, 0.25)):
            advance(done, 100, loss)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "training x: step 50 of 100, loss 0.5000, 20 s left",
        "training x: step 100 of 100, loss 0.2500",
    ]
