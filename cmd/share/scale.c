/*
 * scale.c - round numbers for the axes of graphs
 */
#include "share/scale.h"
#include "share/words.h"

#include <math.h>
#include <stdio.h>

double scale_step(double max, int steps, double least)
{
	static const double digits[] = { 1, 2, 5 };
	double unit = least;

	for (; unit < 1e30; unit *= 10)
		for (size_t i = 0; i < NELEMS(digits); i++)
			if (digits[i] * unit * steps >= max)
				return digits[i] * unit;
	return unit;
}

double scale_seconds(double max, int steps)
{
	static const double round[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
		7200, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400,
		28 * 86400 };

	if (max < steps)
		return scale_step(max, steps, 0.001);
	for (size_t i = 0; i < NELEMS(round); i++)
		if (round[i] * steps >= max)
			return round[i];
	return scale_step(max / 86400, steps, 1) * 86400;
}

struct word scale_duration(double seconds)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" } };
	struct word w;

	for (size_t i = 0; i < NELEMS(units); i++)
		if (seconds >= units[i].seconds) {
			snprintf(w.text, sizeof(w.text), "%.3g%s", seconds / units[i].seconds,
			    units[i].name);
			return w;
		}
	if (seconds >= 1 || seconds < 0.0005)
		snprintf(w.text, sizeof(w.text), "%.3g%s", seconds, seconds > 0 ? "s" : "");
	else
		snprintf(w.text, sizeof(w.text), "%.3gms", seconds * 1000);
	return w;
}

struct word scale_number(double n)
{
	static const char units[] = { 'k', 'M', 'G', 'T', 'P', 'E' };
	struct word w;
	size_t i = 0;

	if (n < 9999.5) {
		snprintf(w.text, sizeof(w.text), "%.4g", n);
		return w;
	}
	for (n /= 1000; n >= 999.5 && i + 1 < NELEMS(units); i++)
		n /= 1000;
	snprintf(w.text, sizeof(w.text), "%.3g%c", n, units[i]);
	return w;
}
