/*
 * amount.c - amounts that were reckoned, as people read them
 */
#include "share/amount.h"
#include "share/words.h"

#include <math.h>
#include <stdio.h>

#define WORD(...)                                                      \
	do {                                                           \
		struct word word_;                                     \
		snprintf(word_.text, sizeof(word_.text), __VA_ARGS__); \
		return word_;                                          \
	} while (0)

/* To two digits before a unit. */
static struct word short_number(double n, const char *unit)
{
	if (n < 9.95)
		WORD("%.1f%s", n, unit);
	WORD("%.0f%s", n, unit);
}

struct word amount_seconds(double s)
{
	static const struct {
		double big, small;
		const char *format;
	} units[] = { { 86400, 3600, "%.0fd%02.0fh" }, { 3600, 60, "%.0fh%02.0fm" },
		{ 60, 1, "%.0fm%02.0fs" } };

	if (!(s < 1e9))
		WORD("for ever");
	for (size_t i = 0; i < NELEMS(units); i++) {
		double whole = floor(s / units[i].small + 0.5) * units[i].small;

		if (whole >= units[i].big)
			WORD(units[i].format, floor(whole / units[i].big),
			    fmod(whole, units[i].big) / units[i].small);
	}
	if (s >= 0.9995)
		return short_number(s, "s");
	if (s >= 0.9995e-3)
		return short_number(s * 1e3, "ms");
	if (s >= 0.05e-6)
		return short_number(s * 1e6, "us");
	WORD("0");
}

struct word amount_count(double n)
{
	if (n < 1e9)
		WORD("%.0f", n);
	WORD("%.2g", n);
}

struct word amount_number(double n)
{
	if (n < 999.5)
		WORD("%.3g", n);
	return amount_count(n);
}

struct word amount_rate(double n)
{
	WORD("%.30s/s", amount_number(n).text);
}

struct word amount_share(double share)
{
	if (share > 0 && share < 0.00001)
		WORD("%.1e", share);
	WORD("%.3g%%", share * 100);
}

struct word amount_bytes(double n)
{
	static const char *const units[] = { "K", "M", "G", "T", "P", "E" };
	size_t i = 0;

	if (n < 1024)
		WORD("%.0f bytes", n);
	for (n /= 1024; n >= 1023.5 && i + 1 < NELEMS(units); i++)
		n /= 1024;
	return short_number(n, units[i]);
}

uint64_t round_up(double n)
{
	double unit = 1;

	while (n / unit > 99)
		unit *= 10;
	return ceil(n / unit) * unit;
}

const char *round_duration(double *seconds)
{
	static const struct {
		double seconds;
		const char *text;
	} durations[] = { { 0.1, "100ms" }, { 0.2, "200ms" }, { 0.5, "500ms" }, { 1, "1s" },
		{ 2, "2s" }, { 5, "5s" }, { 10, "10s" }, { 20, "20s" }, { 30, "30s" }, { 60, "1m" },
		{ 120, "2m" }, { 300, "5m" }, { 600, "10m" }, { 900, "15m" }, { 1800, "30m" },
		{ 3600, "1h" }, { 7200, "2h" }, { 21600, "6h" }, { 43200, "12h" },
		{ 86400, "1d" } };
	size_t i = 0;

	while (i + 1 < NELEMS(durations) && durations[i].seconds < *seconds)
		i++;
	*seconds = durations[i].seconds;
	return durations[i].text;
}
