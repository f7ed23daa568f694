#!/usr/bin/env python3
"""Sun positions as pvlib computes them: pvlib_vectors.py SEED COUNT > FILE

pvlib (BSD-3-Clause) from PyPI. By NREL's SPA, without refraction.
"""
import random
import sys

import pandas
import pvlib

PLACES = [
    ("Jinan", 36.65, 117.12, 50), ("Quito", -0.18, -78.47, 2850), ("Sydney", -33.87, 151.21, 20),
    ("Tromso", 69.65, 18.96, 10), ("Lhasa", 29.65, 91.13, 3650), ("Berlin", 52.52, 13.41, 35),
]


def iso(moment):
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    chance = random.Random(int(sys.argv[1]))
    start, end = (int(pandas.Timestamp(day).timestamp()) for day in ("2001-01-01", "2050-01-01"))
    print(f"# pvlib {pvlib.__version__} (BSD-3-Clause); written by pvlib_vectors.py {sys.argv[1]} {sys.argv[2]}")
    print("time,latitude,longitude,elevation,azimuth")
    for _ in range(int(sys.argv[2])):
        _, latitude, longitude, altitude = chance.choice(PLACES)
        times = pandas.DatetimeIndex([pandas.Timestamp(chance.randrange(start, end), unit="s", tz="UTC")])
        sun = pvlib.solarposition.spa_python(times, latitude, longitude, altitude=altitude, delta_t=None)
        row = [iso(times[0]), latitude, longitude]
        row += [f"{sun[name].iloc[0]:.5f}" for name in ("elevation", "azimuth")]
        print(",".join(str(field) for field in row))


if __name__ == "__main__":
    main()
