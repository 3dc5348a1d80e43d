/*
 * replay.c - a fuzz target over the files of its corpus, as a test
 *
 * usage: TARGET [FILE...]
 *
 * Without a file: all in tests/fuzz/corpus/TARGET, as seen from the top of the
 * tree.  A failure ends the process before its line is printed; the file's name
 * is then the last on standard error.
 */
#include "fuzz.h"

#include "../unit/tap.h"

#include <glob.h>

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;
	long end;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) >= 0 &&
	    (data = malloc((size_t)end + 1)) != NULL) {
		rewind(f);
		*size = fread(data, 1, (size_t)end, f);
	}
	fclose(f);
	return data;
}

/* As libFuzzer does: from memory that ends where the data ends. */
static int replay(const char *path)
{
	size_t size = 0;
	char *data = slurp(path, &size), *exact;

	if (data == NULL || (exact = malloc(size ? size : 1)) == NULL) {
		free(data);
		return 0;
	}
	memcpy(exact, data, size);
	free(data);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput((uint8_t *)exact, size);
	free(exact);
	return 1;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	struct tap t = { 0, 0 };
	char pattern[256];
	glob_t files = { 0 };
	size_t i;

	if (argc > 1) {
		for (i = 1; i < (size_t)argc; i++)
			CHECK(&t, replay(argv[i]));
		return tap_end(&t);
	}
	name = name ? name + 1 : argv[0];
	snprintf(pattern, sizeof(pattern), "tests/fuzz/corpus/%s/*", name);
	CHECK(&t, glob(pattern, 0, NULL, &files) == 0);
	for (i = 0; !t.failed && i < files.gl_pathc; i++)
		CHECK(&t, replay(files.gl_pathv[i]));
	globfree(&files);
	return tap_end(&t);
}
