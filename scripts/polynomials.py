"""Coefficients of native/simd/math.h, by the Remez exchange: python3 scripts/polynomials.py (needs mpmath).

Each line is one coefficient as a C++ float, from the constant upward, after the largest relative error
that the
polynomial, with these rounded coefficients, leaves in the whole function.
"""
import struct

from mpmath import cos, erf, erfc, exp, linspace, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60


def to_float(x):
    return struct.unpack('f', struct.pack('f', float(x)))[0]


def horner(coefficients, x):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def remez(function, weight, low, high, degree, rounds=12):
    """Minimises the largest |weight(x) * (polynomial(x) - function(x))| over [low, high]."""
    count = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle - half * cos(pi * i / (count - 1)) for i in range(count)]
    grid = [middle - half * cos(pi * i / 2000) for i in range(2001)]
    for _ in range(rounds):
        rows = matrix(count, count)
        right = matrix(count, 1)
        for i, x in enumerate(points):
            for j in range(degree + 1):
                rows[i, j] = x**j
            rows[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = function(x)
        solution = lu_solve(rows, right)
        coefficients = [solution[j] for j in range(degree + 1)]
        errors = [weight(x) * (horner(coefficients, x) - function(x)) for x in grid]
        points = extrema(grid, errors, count)
    return coefficients


def extrema(grid, errors, count):
    """The largest error of each run of one sign; `count` of them, dropping the smaller end."""
    best = []
    for x, e in zip(grid, errors):
        if best and (best[-1][1] > 0) == (e > 0):
            if abs(e) > abs(best[-1][1]):
                best[-1] = (x, e)
        else:
            best.append((x, e))
    while len(best) > count:
        best.pop(0 if abs(best[0][1]) < abs(best[-1][1]) else -1)
    assert len(best) == count, 'too few extrema'
    return [x for x, _ in best]


def show(name, coefficients, whole, exact, low, high):
    rounded = [mpf(to_float(c)) for c in coefficients]
    # An even number of points keeps clear of 0, where the relative error is 0/0.
    worst = max(abs(whole(rounded, x) / exact(x) - 1) for x in linspace(low, high, 1000))
    print(f'// {name}: 2^{float(log(worst, 2)):.1f}')
    for c in coefficients:
        print(f'{float.hex(to_float(c))}f')


def around_zero(function, limit_at_zero):
    return lambda x: limit_at_zero if abs(x) < mpf(10) ** -15 else function(x)


def main():
    # exp(r) = 1 + r + r^2 (1/2 + r q(r)) for |r| <= ln 2 / 2 and a little more, for n is rounded in float.
    limit = log(2) / 2 * mpf('1.001')
    q = remez(around_zero(lambda r: (exp(r) - 1 - r - r**2 / 2) / r**3, mpf(1) / 6),
              lambda r: abs(r**3 / (exp(r) - 1)) if abs(r) > 1e-15 else mpf('1e-30'), -limit, limit, 3)
    show('exp', q, lambda c, r: 1 + r + r**2 * (r * horner(c, r) + mpf(1) / 2), exp, -limit, limit)
    rebuilt = lambda c, r: r + r**2 * (r * horner(c, r) + mpf(1) / 2)
    show('exp - 1', q, rebuilt, lambda r: exp(r) - 1, -limit, limit)

    # log(1 + f) = f + f^2 (-1/2 + f q(f)) for 1 + f from sqrt(1/2) to sqrt(2).
    low, high = mpf(2) ** mpf('-0.5') - 1, mpf(2) ** mpf('0.5') - 1
    q = remez(around_zero(lambda f: (log(1 + f) - f + f**2 / 2) / f**3, mpf(1) / 3),
              lambda f: abs(f**3 / log(1 + f)) if abs(f) > 1e-15 else mpf('1e-30'), low, high, 7)
    show('log', q, lambda c, f: f + f**2 * (f * horner(c, f) - mpf(1) / 2), lambda f: log(1 + f), low, high)

    # erf(x) = x + x p(x^2) up to 15/16; from there to 4 1 - exp(-t - t q(t)), which rounds to 1 beyond.
    edge = mpf(15) / 16
    slope = 2 / sqrt(pi) - 1
    p = remez(around_zero(lambda s: erf(sqrt(s)) / sqrt(s) - 1, slope),
              lambda s: sqrt(s) / erf(sqrt(s)) if s > 1e-15 else 1 / (1 + slope), mpf(0), edge**2, 5)
    show('erf', p, lambda c, x: x + x * horner(c, x**2), erf, -edge, edge)
    q = remez(lambda t: -log(erfc(t)) / t - 1, lambda t: t * erfc(t) / erf(t), edge, mpf(4), 6)
    show('1 - erf', q, lambda c, t: 1 - exp(-t - t * horner(c, t)), erf, edge, mpf(4))

    high_part = to_float(log(2))
    print(f'// ln 2 in two parts\n{float.hex(high_part)}f\n{float.hex(to_float(log(2) - high_part))}f')
    print(f'// log2 e\n{float.hex(to_float(1 / log(2)))}f')


if __name__ == '__main__':
    main()
