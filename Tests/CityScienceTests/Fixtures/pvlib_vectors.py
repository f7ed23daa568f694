#!/usr/bin/env python3
"""Sun positions, sunrises and clear-sky irradiance as pvlib computes them: pvlib_vectors.py SEED COUNT > FILE

pvlib (BSD-3-Clause) from PyPI. Positions by NREL's SPA without refraction, irradiance by Ineichen's model.
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
    return "" if pandas.isna(moment) else moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def rise_and_set(moment, latitude, longitude, altitude):
    """When the sun's centre crosses -0.833 degrees on the day around the noon next to the moment.

    From positions, for pvlib's own events are a day's drift off where they fall on another UTC day than the noon.
    """
    near = moment + pandas.Timedelta(hours=longitude / 15)
    noon = near.normalize() + pandas.Timedelta(hours=12 - longitude / 15)
    times = noon + pandas.to_timedelta(range(-720, 721), unit="min")
    height = pvlib.solarposition.spa_python(
        times, latitude, longitude, altitude=altitude, delta_t=None)["elevation"].to_numpy() + 0.833

    def crossing(indices):
        for index in indices:
            if (height[index] < 0) != (height[index + 1] < 0):
                share = height[index] / (height[index] - height[index + 1])
                return (times[index] + pandas.Timedelta(minutes=share)).round("s")
        return pandas.NaT

    rise, set_ = crossing(range(719, -1, -1)), crossing(range(720, 1440))
    return (pandas.NaT, pandas.NaT) if pandas.isna(rise) or pandas.isna(set_) or height[720] < 0 else (rise, set_)


def main():
    chance = random.Random(int(sys.argv[1]))
    start, end = (int(pandas.Timestamp(day).timestamp()) for day in ("2001-01-01", "2050-01-01"))
    print(f"# pvlib {pvlib.__version__} (BSD-3-Clause); written by pvlib_vectors.py {sys.argv[1]} {sys.argv[2]}")
    print("time,latitude,longitude,altitude,turbidity,elevation,azimuth,ghi,dni,dhi,sunrise,sunset")
    for _ in range(int(sys.argv[2])):
        _, latitude, longitude, altitude = chance.choice(PLACES)
        turbidity = chance.choice([2, 3, 4.5, 7])
        times = pandas.DatetimeIndex([pandas.Timestamp(chance.randrange(start, end), unit="s", tz="UTC")])
        sun = pvlib.solarposition.spa_python(times, latitude, longitude, altitude=altitude, delta_t=None)
        apparent = sun["apparent_zenith"]
        air = pvlib.atmosphere.get_absolute_airmass(
            pvlib.atmosphere.get_relative_airmass(apparent), pvlib.atmosphere.alt2pres(altitude))
        sky = pvlib.clearsky.ineichen(
            apparent, air, turbidity, altitude, dni_extra=pvlib.irradiance.get_extra_radiation(times))
        rise, set_ = rise_and_set(times[0], latitude, longitude, altitude)
        row = [iso(times[0]), latitude, longitude, altitude, turbidity]
        row += [f"{sun[name].iloc[0]:.5f}" for name in ("elevation", "azimuth")]
        row += [f"{0 if pandas.isna(sky[name].iloc[0]) else sky[name].iloc[0]:.2f}" for name in ("ghi", "dni", "dhi")]
        print(",".join(str(field) for field in row + [iso(rise), iso(set_)]))


if __name__ == "__main__":
    main()
