"""Which of several ways to compute the same is the fastest."""
import time


def fastest(*makers, steps):
    """Tried for so many steps each, and made anew, so that it begins with the first weights."""
    times = []
    for make in makers:
        run = make()[0]
        run(3)
        started = time.perf_counter()
        run(steps)
        times.append(time.perf_counter() - started)
    return makers[times.index(min(times))]()
