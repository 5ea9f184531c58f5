/*
 * Counts the k-mers (words of k letters) of a DNA or RNA sequence in FASTA, FASTQ or plain text.
 *
 *   kmers --k K --canonical true|false INPUT OUTPUT_DIR
 *
 * OUTPUT_DIR/kmers.tsv     each k-mer that occurs and how often, in alphabetical order
 * OUTPUT_DIR/summary.json  totals
 * stdout                   one line
 *
 * The same input gives the same bytes everywhere: no time, no locale, no floating point, no hashing, no threads. Memory is
 * bounded whatever the input: up to k = 11 there is a counter for every possible k-mer; above, the input is read several
 * times, each time counting as large a range of k-mers as the table holds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPACITY
#define CAPACITY (4u << 20) /* entries of the table; the tests make it tiny */
#endif
#ifndef DIRECT_K
#define DIRECT_K 11
#endif
#define MAX_K 31
#define CHUNK (1u << 20)

static void fail(const char *what, const char *detail) {
	fprintf(stderr, "kmers: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	exit(1);
}

static void *allocate(size_t count, size_t size) {
	void *memory = calloc(count, size);
	if (!memory) fail("out of memory", NULL);
	return memory;
}

/* ---- counting ------------------------------------------------------------------------------------------------- */

/* A k-mer is a number with two bits a letter, A < C < G < T, so numeric order is alphabetical order. */
typedef struct {
	uint64_t kmer, count;
} entry;

typedef struct {
	int k;
	bool canonical;
	uint64_t *direct;	 /* small k: a counter for each k-mer */
	entry *table, *spare; /* large k: what was found of [low, high) */
	size_t used;
	uint64_t low, high;
} counter;

/* Least-significant-digit radix sort: linear, and the same on every machine. */
static void sort_table(counter *c) {
	for (int shift = 0; shift < 2 * c->k; shift += 8) {
		size_t start[257] = {0};
		for (size_t i = 0; i < c->used; i++) start[(c->table[i].kmer >> shift & 0xff) + 1]++;
		for (int digit = 0; digit < 256; digit++) start[digit + 1] += start[digit];
		for (size_t i = 0; i < c->used; i++) c->spare[start[c->table[i].kmer >> shift & 0xff]++] = c->table[i];
		entry *sorted = c->spare;
		c->spare = c->table;
		c->table = sorted;
	}
}

/* Sorts and merges equal k-mers. When that makes too little room, the upper half is left to a later pass. */
static void compact(counter *c, bool more_to_come) {
	size_t kept = 0;
	sort_table(c);
	for (size_t i = 0; i < c->used; i++) {
		if (kept && c->table[kept - 1].kmer == c->table[i].kmer)
			c->table[kept - 1].count += c->table[i].count;
		else
			c->table[kept++] = c->table[i];
	}
	c->used = kept;
	if (more_to_come && kept > CAPACITY / 2) {
		c->high = c->table[CAPACITY / 2].kmer;
		c->used = CAPACITY / 2;
	}
}

static inline void add(counter *c, uint64_t kmer) {
	if (c->direct) {
		c->direct[kmer]++;
	} else if (kmer >= c->low && kmer < c->high) {
		if (c->used == CAPACITY) {
			compact(c, true);
			if (kmer >= c->high) return;
		}
		c->table[c->used++] = (entry){kmer, 1};
	}
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

typedef enum { PLAIN, FASTA, FASTQ } format;
static const char *const FORMATS[] = {"plain", "fasta", "fastq"};

typedef struct {
	format format;
	uint64_t records, bases, gc, other, kmers;
} totals;

enum { LETTER_OTHER = 4, LETTER_SKIP = 5 };
static uint8_t letters[256];

static void prepare_letters(void) {
	memset(letters, LETTER_OTHER, sizeof letters);
	for (int i = 0; i < 5; i++) {
		letters[(uint8_t) "ACGTU"[i]] = letters[(uint8_t) "acgtu"[i]] = (uint8_t)(i < 4 ? i : 3);
		letters[(uint8_t) " \t\r\n\v"[i]] = LETTER_SKIP;
	}
}

/* The last k letters, forwards and as the reverse complement. */
typedef struct {
	uint64_t forward, backward;
	int length;
} window;

static inline void feed(window *w, counter *c, totals *t, uint8_t byte) {
	uint8_t letter = letters[byte];
	if (letter == LETTER_SKIP) return;
	if (letter == LETTER_OTHER) {
		t->other++;
		w->length = 0;
		return;
	}
	t->bases++;
	t->gc += letter == 1 || letter == 2;
	w->forward = (w->forward << 2 | letter) & ((1ull << 2 * c->k) - 1);
	w->backward = w->backward >> 2 | (uint64_t)(3 - letter) << 2 * (c->k - 1);
	if (w->length < c->k) w->length++;
	if (w->length < c->k) return;
	t->kmers++;
	add(c, c->canonical && w->backward < w->forward ? w->backward : w->forward);
}

typedef struct {
	bool header;				/* FASTA: within a header line */
	int line;					/* FASTQ: 0 header, 1 sequence, 2 plus, 3 quality */
	uint64_t sequence, quality; /* FASTQ: bytes of the two lines */
	bool start;					/* at the start of a line */
	window window;
} reader;

static void bad_record(const totals *t, const char *why) {
	char text[96];
	snprintf(text, sizeof text, "record %" PRIu64 ": %s", t->records, why);
	fail("malformed FASTQ", text);
}

static void read_fasta(reader *r, counter *c, totals *t, uint8_t byte) {
	if (r->start && (byte == '>' || byte == ';')) {
		r->header = true;
		if (byte == '>') {
			t->records++;
			r->window.length = 0;
		}
	}
	r->start = byte == '\n';
	if (!r->header) feed(&r->window, c, t, byte);
	if (r->start) r->header = false;
}

static void read_fastq(reader *r, counter *c, totals *t, uint8_t byte) {
	if (r->start && r->line == 0) {
		if (byte == '\n' || byte == '\r') return;
		t->records++;
		if (byte != '@') bad_record(t, "the first line must start with @");
		r->window.length = 0;
		r->sequence = r->quality = 0;
	}
	if (r->start && r->line == 2 && byte != '+') bad_record(t, "the third line must start with +");
	r->start = byte == '\n';
	if (r->start) {
		if (r->line == 3 && r->sequence != r->quality) bad_record(t, "sequence and quality differ in length");
		r->line = (r->line + 1) % 4;
	} else if (r->line == 1) {
		feed(&r->window, c, t, byte);
		r->sequence += byte != '\r';
	} else if (r->line == 3) {
		r->quality += byte != '\r';
	}
}

static void end_of_input(const reader *r, const totals *t) {
	if (t->format != FASTQ || (r->line == 0 && r->start)) return;
	if (r->line != 3) bad_record(t, "the file ends within the record");
	if (r->sequence != r->quality) bad_record(t, "sequence and quality differ in length");
}

static format detect(FILE *file) {
	int byte;
	do byte = getc(file);
	while (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n');
	return byte == '>' || byte == ';' ? FASTA : byte == '@' ? FASTQ : PLAIN;
}

/* Reads the whole input once. */
static totals scan(FILE *file, counter *c, uint8_t *chunk) {
	reader r = {.start = true};
	totals t = {0};
	size_t length;
	rewind(file);
	t.format = detect(file);
	rewind(file);
	if (t.format == PLAIN) t.records = 1;
	while ((length = fread(chunk, 1, CHUNK, file)) > 0) {
		for (size_t i = 0; i < length; i++) {
			if (t.format == FASTA)
				read_fasta(&r, c, &t, chunk[i]);
			else if (t.format == FASTQ)
				read_fastq(&r, c, &t, chunk[i]);
			else
				feed(&r.window, c, &t, chunk[i]);
		}
	}
	if (ferror(file)) fail("cannot read the input", strerror(errno));
	end_of_input(&r, &t);
	return t;
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

typedef struct {
	FILE *file;
	int k;
	uint64_t distinct, once, most;
	uint64_t most_kmer;
} report;

static const char *spell(uint64_t kmer, int k, char *text) {
	text[k] = 0;
	for (int i = k - 1; i >= 0; i--, kmer >>= 2) text[i] = "ACGT"[kmer & 3];
	return text;
}

static void write_entry(report *r, uint64_t kmer, uint64_t count) {
	char text[MAX_K + 1];
	r->distinct++;
	r->once += count == 1;
	if (count > r->most) {
		r->most = count;
		r->most_kmer = kmer;
	}
	fprintf(r->file, "%s\t%" PRIu64 "\n", spell(kmer, r->k, text), count);
}

static FILE *create(const char *directory, const char *name) {
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) fail("path too long", directory);
	FILE *file = fopen(path, "w");
	if (!file) fail(path, strerror(errno));
	return file;
}

static void finish(FILE *file, const char *name) {
	bool broken = ferror(file);
	if (fclose(file) != 0 || broken) fail(name, strerror(errno));
}

static totals count_all(FILE *input, counter *c, report *r) {
	uint64_t end = 1ull << 2 * c->k;
	uint8_t *chunk = allocate(CHUNK, 1);
	totals t;
	if (c->k <= DIRECT_K) {
		c->direct = allocate(end, sizeof *c->direct);
		t = scan(input, c, chunk);
		for (uint64_t kmer = 0; kmer < end; kmer++)
			if (c->direct[kmer]) write_entry(r, kmer, c->direct[kmer]);
		return t;
	}
	c->table = allocate(CAPACITY, sizeof *c->table);
	c->spare = allocate(CAPACITY, sizeof *c->spare);
	for (c->low = 0; c->low < end; c->low = c->high) {
		c->high = end;
		c->used = 0;
		t = scan(input, c, chunk);
		compact(c, false);
		for (size_t i = 0; i < c->used; i++) write_entry(r, c->table[i].kmer, c->table[i].count);
	}
	return t;
}

static void write_summary(FILE *file, const counter *c, const totals *t, const report *r) {
	char text[MAX_K + 1];
	fprintf(file, "{\n  \"format\": \"%s\",\n  \"k\": %d,\n  \"canonical\": %s,\n", FORMATS[t->format], c->k,
			c->canonical ? "true" : "false");
	fprintf(file, "  \"records\": %" PRIu64 ",\n  \"bases\": %" PRIu64 ",\n  \"gc\": %" PRIu64 ",\n", t->records, t->bases,
			t->gc);
	fprintf(file, "  \"other_letters\": %" PRIu64 ",\n  \"kmers\": %" PRIu64 ",\n", t->other, t->kmers);
	fprintf(file, "  \"distinct\": %" PRIu64 ",\n  \"occurring_once\": %" PRIu64 ",\n", r->distinct, r->once);
	fprintf(file, "  \"most_frequent\": { \"kmer\": \"%s\", \"count\": %" PRIu64 " }\n}\n",
			r->most ? spell(r->most_kmer, c->k, text) : "", r->most);
}

/* ---- command line --------------------------------------------------------------------------------------------- */

static void usage(void) {
	fputs("usage: kmers --k K --canonical true|false INPUT OUTPUT_DIR\n(K from 1 to 31)\n", stderr);
	exit(2);
}

int main(int argc, char **argv) {
	if (argc != 7 || strcmp(argv[1], "--k") || strcmp(argv[3], "--canonical")) usage();
	char *rest;
	long k = strtol(argv[2], &rest, 10);
	if (*rest || rest == argv[2] || k < 1 || k > MAX_K) usage();
	bool canonical = !strcmp(argv[4], "true");
	if (!canonical && strcmp(argv[4], "false")) usage();

	FILE *input = fopen(argv[5], "rb");
	if (!input) fail(argv[5], strerror(errno));
	prepare_letters();
	counter c = {.k = (int)k, .canonical = canonical};
	report r = {.file = create(argv[6], "kmers.tsv"), .k = (int)k};
	setvbuf(r.file, NULL, _IOFBF, CHUNK);
	fputs("kmer\tcount\n", r.file);
	totals t = count_all(input, &c, &r);
	finish(r.file, "kmers.tsv");
	if (!t.bases) fail("no sequence in the input", argv[5]);
	FILE *summary = create(argv[6], "summary.json");
	write_summary(summary, &c, &t, &r);
	finish(summary, "summary.json");

	printf("%" PRIu64 " letters in %" PRIu64 " records (%s): %" PRIu64 " %ld-mers, %" PRIu64 " different\n", t.bases, t.records,
		   FORMATS[t.format], t.kmers, k, r.distinct);
	if (fflush(stdout) != 0) fail("cannot write", strerror(errno));
	return 0;
}
