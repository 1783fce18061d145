"""Coefficients of native/simd by the Remez exchange: python3 scripts/polynomials.py (needs mpmath).

Each line is one coefficient as a C++ float, from the constant upward, after the largest relative error
that the
polynomial, with these rounded coefficients, leaves in the whole function.
"""
import struct

from mpmath import (asin, atan, atanh, cos, erf, erfc, exp, floor, linspace, log, lu_solve, matrix, mp, mpf,
                    pi, sin, sqrt)

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


def show(name, coefficients, whole, exact, low, high, round_to=to_float):
    rounded = [mpf(round_to(c)) for c in coefficients]
    # An even number of points keeps clear of 0, where the relative error is 0/0.
    worst = max(abs(whole(rounded, x) / exact(x) - 1) for x in linspace(low, high, 1000))
    print(f'// {name}: 2^{float(log(worst, 2)):.1f}')
    for c in coefficients:
        print(float.hex(round_to(c)) + ('f' if round_to is to_float else ''))


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

    trigonometry()
    powers()


def trigonometry():
    # sin(r) = r + r^3 p(r^2) and cos(r) = 1 + r^2 (-1/2 + r^2 q(r^2)) for |r| <= pi/4 and a little more.
    edge = (pi / 4 * mpf('1.001')) ** 2
    odd = lambda f: lambda s: f(sqrt(s))
    p = remez(around_zero(odd(lambda r: (sin(r) - r) / r**3), -mpf(1) / 6),
              odd(lambda r: abs(r**3 / sin(r)) if r > 1e-12 else mpf('1e-24')), mpf(0), edge, 3)
    show('sin', p, lambda c, r: r + r**3 * horner(c, r**2), sin, -sqrt(edge), sqrt(edge))
    q = remez(around_zero(odd(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), mpf(1) / 24),
              odd(lambda r: r**4 if r > 1e-12 else mpf('1e-48')), mpf(0), edge, 3)
    whole = lambda c, r: 1 + r**2 * (r**2 * horner(c, r**2) - mpf(1) / 2)
    show('cos', q, whole, cos, -sqrt(edge), sqrt(edge))

    # In doubles, for the tangent: sin(r) = r (1 + r^2 p(r^2)) and cos(r) = 1 + r^2 q(r^2).
    p = remez(around_zero(odd(lambda r: (sin(r) / r - 1) / r**2), -mpf(1) / 6),
              odd(lambda r: abs(r**3 / sin(r)) if r > 1e-12 else mpf('1e-24')), mpf(0), edge, 3)
    show('wide sin', p, lambda c, r: r + r**3 * horner(c, r**2), sin, -sqrt(edge), sqrt(edge), float)
    q = remez(around_zero(odd(lambda r: (cos(r) - 1) / r**2), -mpf(1) / 2),
              odd(lambda r: r**2 / cos(r) if r > 1e-12 else mpf('1e-24')), mpf(0), edge, 3)
    show('wide cos', q, lambda c, r: 1 + r**2 * horner(c, r**2), cos, -sqrt(edge), sqrt(edge), float)

    # atan(x) = x + x^3 p(x^2) for |x| <= 1; asin(x) = x + x^3 p(x^2) for |x| <= 1/2.
    p = remez(around_zero(odd(lambda x: (atan(x) - x) / x**3), -mpf(1) / 3),
              odd(lambda x: abs(x**3 / atan(x)) if x > 1e-12 else mpf('1e-24')), mpf(0), mpf(1), 9)
    show('atan', p, lambda c, x: x + x**3 * horner(c, x**2), atan, mpf(-1), mpf(1))
    p = remez(around_zero(odd(lambda x: (asin(x) - x) / x**3), mpf(1) / 6),
              odd(lambda x: abs(x**3 / asin(x)) if x > 1e-12 else mpf('1e-24')), mpf(0), mpf(1) / 4, 5)
    show('asin', p, lambda c, x: x + x**3 * horner(c, x**2), asin, -mpf(1) / 2, mpf(1) / 2)

    mp.dps = 100
    high_part = float(pi / 2)
    print(f'// pi / 2 in two doubles\n{float.hex(high_part)}\n{float.hex(float(pi / 2 - high_part))}')
    print(f'// 2 / pi\n{float.hex(float(2 / pi))}')
    bits = int(floor(mpf(2) ** 224 / (2 * pi)))
    words = ', '.join(f'0x{bits >> 32 * (6 - i) & 0xffffffff:08x}' for i in range(7))
    print(f'// the bits of 1 / (2 pi) behind the point\n{words}')
    mp.dps = 60


def powers():
    # In doubles, for m from sqrt(1/2) to sqrt(2): log2(m) = s (2 / ln 2 + s^2 p(s^2)), s = (m - 1) / (m + 1).
    scale = 2 / log(2)
    edge = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf('1.001')
    of_root = lambda f: lambda t: f(sqrt(t))
    p = remez(around_zero(of_root(lambda s: scale * (atanh(s) - s) / s**3), scale / 3),
              of_root(lambda s: abs(s**3 / (scale * atanh(s))) if s > 1e-12 else mpf('1e-24')),
              mpf(0), edge, 5)
    show('log2', p, lambda c, s: s * (scale + s**2 * horner(c, s**2)), lambda s: scale * atanh(s),
         -sqrt(edge), sqrt(edge), float)
    print(f'// 2 / ln 2\n{float.hex(float(scale))}')
    # 2^f = 1 + f p(f) for |f| <= 1/2 and a little more.
    limit = mpf('0.5001')
    q = remez(around_zero(lambda f: (mpf(2) ** f - 1) / f, log(2)),
              lambda f: abs(f) / mpf(2) ** f + mpf('1e-30'), -limit, limit, 7)
    show('exp2', q, lambda c, f: 1 + f * horner(c, f), lambda f: mpf(2) ** f, -limit, limit, float)


if __name__ == '__main__':
    main()
