"""The benchmark measures what it says: pairs in turns, peak memory, and the same results."""

import itertools
import json
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import measuring  # noqa: E402
import methods  # noqa: E402


def tolerance(pair: methods.Pair) -> float:
    """grad-cam resizes in float32, and captum's noise is float32."""
    return 1e-5 if pair.peer == "grad-cam" or pair.agree_in == torch.float32 else 1e-6


@pytest.fixture(scope="module")
def measured() -> dict:
    return json.loads((BENCHMARKS / "methods.json").read_text())


def test_both_sides_are_warmed_up_then_run_in_turns_with_changing_order():
    calls = []
    pairs = measuring.seconds_in_turns(lambda: calls.append("o"), lambda: calls.append("t"), 4)
    assert "".join(calls) == "ot" + "ot" + "to" + "ot" + "to"
    assert len(pairs) == 4
    assert all(ours > 0 and theirs > 0 for ours, theirs in pairs)


def test_times_are_not_mixed_up_when_the_order_changes():
    ticks = itertools.count()
    tick = ticks.__next__
    pairs = measuring.seconds_in_turns(lambda: None, lambda: (tick(), tick()), 4, clock=tick)
    assert pairs == [(1, 3)] * 4


def test_one_disturbed_pair_does_not_change_the_ratio():
    assert measuring.median_ratio([(1, 2), (10, 20), (100, 1)]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_is_what_was_allocated_at_once_and_not_what_came_before(tmp_path):
    script = tmp_path / "allocate.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "import torch\n"
        "from measuring import peak_megabytes\n"
        "torch.ones(100 * 2**18).sum()  # 100 MB, gone before the measurement\n"
        "def work():\n"
        "    for _ in range(int(sys.argv[1])): torch.ones(int(sys.argv[2]) * 2**18).sum()\n"
        "print('a line before the result')\n"
        "print(peak_megabytes(work))\n"
    )
    once, thrice = (measuring.peak_in_a_new_process(str(script), [n, "200"]) for n in "13")
    assert once == pytest.approx(200, abs=15)
    assert thrice == pytest.approx(once, abs=15), "freed memory was counted"
    assert measuring.peak_in_a_new_process(str(script), ["1", "20"]) == pytest.approx(20, abs=10)


def test_a_process_that_fails_is_no_measurement(tmp_path):
    script = tmp_path / "fail.py"
    script.write_text("raise SystemExit('out of memory')")
    with pytest.raises(RuntimeError, match="out of memory"):
        measuring.peak_in_a_new_process(str(script), [])


def test_a_table_has_a_line_for_each_row_and_small_numbers_are_readable():
    rows = [
        {"method": "a", "ratio": 1.234, "difference": 2e-7},
        dict.fromkeys(("method", "ratio", "difference")),
    ]
    assert measuring.markdown_table(rows).splitlines() == [
        "| method | ratio | difference |",
        "| --- | --- | --- |",
        "| a | 1.23 | 2.0e-07 |",
        "|  |  |  |",
    ]


def test_results_replace_the_old_ones_and_nothing_else():
    text = "before\n<!-- results -->\nold\n<!-- end of results -->\nafter\n"
    replaced = measuring.replace_between_marks(text, "results", "new")
    assert replaced == text.replace("old", "new")
    with pytest.raises(ValueError, match="once each"):
        measuring.replace_between_marks("no marks", "results", "new")


@pytest.mark.parametrize(
    "pair", [p for p in methods.PAIRS if p.agree_in], ids=lambda p: f"{p.method}, {p.peer}"
)
def test_both_sides_of_a_pair_do_the_same_work(pair):
    """On a small network that is quick in float64; the agreement itself is stored for real ones."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, stride=2),
        torch.nn.Sigmoid(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 5),
    )
    generator = torch.Generator().manual_seed(0)
    for weights in network.parameters():
        weights.data = torch.randn(weights.shape, generator=generator) / 3
    network = network.to(pair.agree_in).eval()
    images = torch.rand(2, 3, 12, 16, generator=generator, dtype=pair.agree_in)
    labels = network(images).argmax(dim=1)
    s = methods.Setting(network, images, labels, layer="2")
    ours, theirs = pair.as_compared(pair.ours(s)), pair.as_compared(pair.theirs(s)())
    assert ours.shape == theirs.shape
    assert theirs.abs().max() > 0
    assert (ours - theirs).abs().max() <= tolerance(pair) * theirs.abs().max()


@pytest.mark.parametrize(
    "pair", [p for p in methods.PAIRS if p.agree_in], ids=lambda p: f"{p.method}, {p.peer}"
)
def test_on_the_courses_network_a_method_differs_from_its_peer(pair):
    assert methods.difference(pair, "efficientnet_lite0") <= tolerance(pair)


def test_the_networks_weights_are_the_same_in_every_run_and_seed_nothing_else():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, second = (methods.setting("resnet18", 1, size=32) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.model(first.images), second.model(second.images))


def test_every_pair_was_measured_on_each_network_and_agreed(measured):
    rows = {(row["network"], row["method"], row["peer"]): row for row in measured["timings"]}
    networks = {row["network"] for row in measured["timings"]}
    wanted = {(n, p.method, p.peer): p for n in networks for p in methods.PAIRS}
    assert "efficientnet_lite0" in networks <= set(methods.LAYERS)
    assert set(rows) == set(wanted)
    for key, pair in wanted.items():
        difference = rows[key]["difference"]
        assert (difference is None) == (pair.agree_in is None)
        if difference is not None:
            assert difference <= tolerance(pair), key


def test_a_readme_shows_something_else_than_was_measured(measured):
    assert methods.report(measured) in (BENCHMARKS / "README.md").read_text()
    assert methods.in_short(measured) in (BENCHMARKS.parent / "README.md").read_text()
