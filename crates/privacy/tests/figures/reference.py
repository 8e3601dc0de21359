"""Writes reference.csv: what Google's dp-accounting says about 100 settings, and about others for another seed.

    python -m venv venv && venv/bin/pip install dp-accounting==0.6.0
    venv/bin/python reference.py > reference.csv
    venv/bin/python reference.py 7 400 > others.csv     # a seed and a number of settings: nothing but random ones
"""

import random
import sys

import dp_accounting as dp
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

# noise, rate, rounds, delta
CHOSEN = [
    # Settings of papers and tutorials.
    (1.1, 256 / 60000, 14063, 1e-5), (1.0, 0.01, 1000, 1e-5), (0.7, 0.001, 10000, 1e-6), (2.0, 0.1, 500, 1e-6), (0.53, 1e-3, 2000, 1e-7),
    # Every client in every round.
    (1.0, 1.0, 1, 1e-5), (5.0, 1.0, 100, 1e-6), (0.5, 1.0, 1, 1e-8), (40.0, 1.0, 5000, 1e-4), (0.3, 1.0, 20, 1e-5), (100.0, 1.0, 10, 1e-9),
    # Tiny rates.
    (1.0, 1e-6, 1000, 1e-9), (0.6, 1e-5, 100000, 1e-8), (3.0, 1e-5, 10000, 1e-10), (0.5, 1e-7, 1000000, 1e-7), (10.0, 1e-4, 1000, 1e-6),
    # Many rounds.
    (1.5, 0.01, 100000, 1e-5), (20.0, 0.5, 50000, 1e-6), (4.0, 0.003, 1000000, 1e-7),
    # Little noise.
    (0.2, 0.01, 10, 1e-5), (0.25, 0.1, 300, 1e-6), (0.15, 1e-3, 1, 1e-4), (0.3, 0.5, 100, 1e-5), (0.1, 0.2, 2, 1e-6),
    # Rates near 1, deltas far apart, one round.
    (2.0, 0.999, 50, 1e-5), (2.0, 0.9, 1, 1e-12), (1.0, 0.05, 200, 0.1), (1.0, 0.05, 200, 1e-11), (0.8, 0.3, 1, 1e-2), (50.0, 0.2, 7, 1e-3),
]


def drawn(generator):
    log = lambda low, high: low * (high / low) ** generator.random()
    rate = 1.0 if generator.random() < 0.05 else round(log(1e-5, 1.0), 8)
    return round(log(0.25, 30.0), 4), rate, int(log(1, 100000)), float(f"{log(1e-11, 1e-2):.3g}")


def epsilons(noise, rate, rounds, delta):
    event = dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise)), rounds)
    if rate == 1.0:
        event = dp.SelfComposedDpEvent(dp.GaussianDpEvent(noise), rounds)
    return [accountant.compose(event).get_epsilon(delta) for accountant in (PLDAccountant(), RdpAccountant())]


def main():
    seed, count = (int(argument) for argument in (sys.argv[1:] or (1, 0)))
    generator = random.Random(seed)
    settings = [] if count else list(CHOSEN)
    count = count or 100
    print("# dp-accounting 0.6.0; made by reference.py, whose head says how to make it again.")
    print("noise,rate,rounds,delta,epsilon,epsilon_rdp", flush=True)
    written = 0
    while written < count:
        setting = settings.pop(0) if settings else drawn(generator)
        # Settings that nobody would call private, and those that take dp-accounting minutes, are passed over.
        if setting[1] ** 2 * setting[2] / setting[0] ** 2 > 1e4 or setting[1] * setting[2] * (1 / setting[0]) ** 2 > 3e4:
            continue
        print(*setting, *epsilons(*setting), sep=",", flush=True)
        written += 1


main()
