import threading
from concurrent.futures import ThreadPoolExecutor

from ssgnet_monai.data.pixel_budget import PixelBudget


def test_threads_never_hold_more_than_the_budget_and_a_larger_picture_is_alone():
    budget, lock = PixelBudget(100), threading.Lock()
    held, seen = [], []

    def decode(pixels):
        with budget.take(pixels):
            with lock:
                held.append(pixels)
                seen.append(list(held))
            threading.Event().wait(0.001)
            with lock:
                held.remove(pixels)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [30, 40, 1000, 20, 60, 50, 100] * 6))
    assert len(seen) == 42
    assert all(sum(pictures) <= 100 or pictures == [1000] for pictures in seen)
    assert max(map(len, seen)) > 1


def test_a_failure_gives_its_pixels_back():
    budget = PixelBudget(10)
    for _ in range(3):
        try:
            with budget.take(10):
                raise ValueError
        except ValueError:
            pass
    with budget.take(10):
        pass
