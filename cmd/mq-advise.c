/*
 * mq-advise - from a workload, or a queue at work, to workers and settings
 *
 *	workload.c  what is known of the work
 *	live.c      what a queue tells of it
 *	measure.c   the file system of the spool
 *	advice.c    what follows from these; erlang.c has the formulas
 *	canvas.c    advice as text
 *
 * A workload that is absurd, or at odds with itself, is refused before anything
 * is looked at.  One that cannot be borne gets its advice, with a warning.
 */
#include "advise/canvas.h"
#include "share/json.h"

#include <math.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ 'j', "json", NULL, "print JSON" },
	{ 'n', "no-measure", NULL, "do not try the disk" },
	{ 0 },
};

struct advise_cmd {
	struct cmd *c;
	int json, no_measure;
	const char *queue; /* or NULL */
	struct workload w;
	struct live live;
	struct disk disk;
	struct advice a;
};

/* ---- what a live queue needs -------------------------------------------- */

static void warn_of_queue(struct advise_cmd *s)
{
	const struct mq_stats *q = &s->live.stats;
	const char *name = s->queue;

	if (q->paused)
		advice_warn(s->c, &s->a, "%s is paused: nothing is handed out", name);
	if (q->dead > 0)
		advice_warn(s->c, &s->a, "%llu dead letters: mq-ls -S dead -j %s tells why",
		    (unsigned long long)q->dead, name);
	if (s->live.retried > 0)
		advice_warn(s->c, &s->a, "%llu of the messages that wait have failed before",
		    (unsigned long long)s->live.retried);
	if (s->a.workers && q->visible > 0 && q->in_flight < s->a.workers)
		advice_warn(s->c, &s->a,
		    "%llu wait while %llu are at work: start workers, up to %llu",
		    (unsigned long long)q->visible, (unsigned long long)q->in_flight,
		    (unsigned long long)s->a.workers);
	if (!s->a.workers)
		advice_warn(s->c, &s->a,
		    "%s tells nothing of its %s: give %s for the number of "
		    "workers",
		    name, isnan(s->w.rate) ? "rate" : "jobs",
		    isnan(s->w.rate) && isnan(s->w.service) ? "rate= and service=" :
			isnan(s->w.rate)                    ? "rate=" :
							      "service=");
}

/* ---- JSON --------------------------------------------------------------- */

static void json_settings(struct json *j, const char *key, const struct advise_cmd *s, int all)
{
	json_open(j, key, '{');
	for (size_t i = 0; i < s->a.nsettings; i++) {
		const struct suggestion *one = &s->a.settings[i];

		if (all || !live_will_do(&s->live, one->key, one->value))
			json_string(j, one->key, one->value);
	}
	json_close(j, '}');
}

static void json_cost(struct json *j, const struct advise_cmd *s)
{
	const struct advice *a = &s->a;
	const struct disk *d = &s->disk;

	json_open(j, "cost", '{');
	json_number(j, "bytes_per_message", a->each);
	json_number(j, "disk_bytes", a->bytes);
	json_number(j, "inodes", a->inodes);
	json_number(j, "fsyncs_per_second", a->syncs);
	if (d->measured) {
		json_string(j, "file_system", d->type);
		json_number(j, "fsync_seconds", d->sync);
		json_number(j, "link_seconds", d->link);
		json_number(j, "rename_seconds", d->rename);
		json_number(j, "unlink_seconds", d->unlink);
		json_number(j, "rate_single", a->rate_single);
		json_number(j, "rate_bulk", a->rate_bulk);
	}
	json_close(j, '}');
}

static void print_json(const struct advise_cmd *s)
{
	struct json j = { .out = &s->c->out };
	const struct advice *a = &s->a;

	json_open(&j, NULL, '{');
	if (s->queue)
		json_string(&j, "queue", s->queue);
	json_string(&j, "tool", a->tool);
	json_number(&j, "workers", a->workers ? (double)a->workers : NAN);
	json_bool(&j, "stable", a->stable);
	json_number(&j, "utilisation", a->busy);
	json_number(&j, "wait", a->wait);
	json_number(&j, "wait_p95", a->wait95);
	json_number(&j, "burst_time", a->burst_time);
	json_number(&j, "delivery_rate", a->w.rate * a->deliveries);
	json_count(&j, "prefetch", a->prefetch);
	json_string(&j, "order", order_names[a->w.order]);
	json_settings(&j, "settings", s, 1);
	if (s->queue)
		json_settings(&j, "changes", s, 0);
	json_cost(&j, s);
	json_open(&j, "warnings", '[');
	for (size_t i = 0; i < a->nwarnings; i++)
		json_string(&j, NULL, a->warnings[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	json_newline(&j);
}

/* ---- the work ----------------------------------------------------------- */

/* QUEUE, if any, comes first; the rest is key=value. */
static void read_operands(struct advise_cmd *s)
{
	struct cmd *c = s->c;

	workload_begin(&s->w);
	for (int i = 0; i < c->argc; i++)
		if (strchr(c->argv[i], '='))
			workload_read(c, &s->w, c->argv[i]);
		else if (i == 0)
			s->queue = c->argv[i];
		else
			cmd_usage(c, "'%s' is not of the form key=value", c->argv[i]);
	if (!c->exit)
		workload_check(c, &s->w);
}

static void give_advice(struct advise_cmd *s)
{
	struct cmd *c = s->c;

	if (s->queue && live_look(c, s->queue, &s->live, &s->w))
		return;
	disk_look(c, &s->disk);
	if (!s->no_measure)
		disk_measure(c, &s->disk, s->w.size ? s->w.size : SIZE_DEFAULT);
	advise(c, &s->w, &s->disk, s->queue != NULL, &s->a);
	if (s->queue)
		warn_of_queue(s);
	if (s->json)
		print_json(s);
	else
		canvas_print(&c->out, &s->a, &s->disk, s->queue ? &s->live : NULL);
	advice_free(&s->a);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-advise",
		.usage = "[-j] [-n] [-s DIR] [QUEUE] [key=value]...",
		.about =
		    "Tell what a workload needs: workers, settings, disk, or another tool.  Keys:\n"
		    "rate burst drain service service-sd failures order keys fanout durability\n"
		    "retention replay reply target-wait outage size hosts copies.",
		.options = options,
	};
	struct advise_cmd s = { .c = &c };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'j':
			s.json = 1;
			break;
		case 'n':
			s.no_measure = 1;
			break;
		}
	}
	cmd_start(&c, 1, -1);
	read_operands(&s);
	if (!c.exit)
		give_advice(&s);
	return cmd_end(&c);
}
