/*
 * A cow that says one argument, exactly as it was given.
 *
 * Unlike the classic, it never wraps, trims or expands: a job's input must come out unchanged, so that everybody can see
 * that nothing between the creator's command line and this program touched it. The same source is compiled to a static
 * Linux program for the container and to WebAssembly (WASI preview 1).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char COW[] =
	"        \\   ^__^\n"
	"         \\  (oo)\\_______\n"
	"            (__)\\       )\\/\\\n"
	"                ||----w |\n"
	"                ||     ||\n";

typedef struct {
	uint32_t first, last;
} range;

/* What follows or modifies another character: combining marks, joiners, selectors, skin tones. */
static const range ZERO[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
	{0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0x1f3fb, 0x1f3ff}, {0xe0000, 0xe01ef},
};

/* What takes two columns: East Asian wide characters, and the emoji that are pictures by default. */
static const range WIDE[] = {
	{0x1100, 0x115f},	{0x231a, 0x231b},	{0x23e9, 0x23ec},	{0x23f0, 0x23f0},	{0x23f3, 0x23f3},
	{0x25fd, 0x25fe},	{0x2614, 0x2615},	{0x2648, 0x2653},	{0x267f, 0x267f},	{0x2693, 0x2693},
	{0x26a1, 0x26a1},	{0x26aa, 0x26ab},	{0x26bd, 0x26be},	{0x26c4, 0x26c5},	{0x26ce, 0x26ce},
	{0x26d4, 0x26d4},	{0x26ea, 0x26ea},	{0x26f2, 0x26f3},	{0x26f5, 0x26f5},	{0x26fa, 0x26fa},
	{0x26fd, 0x26fd},	{0x2705, 0x2705},	{0x270a, 0x270b},	{0x2728, 0x2728},	{0x274c, 0x274c},
	{0x274e, 0x274e},	{0x2753, 0x2755},	{0x2757, 0x2757},	{0x2795, 0x2797},	{0x27b0, 0x27b0},
	{0x27bf, 0x27bf},	{0x2b1b, 0x2b1c},	{0x2b50, 0x2b50},	{0x2b55, 0x2b55},	{0x2e80, 0x303e},
	{0x3041, 0xa4cf},	{0xa960, 0xa97c},	{0xac00, 0xd7a3},	{0xf900, 0xfaff},	{0xfe30, 0xfe6f},
	{0xff01, 0xff60},	{0xffe0, 0xffe6},	{0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
	{0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb},
	{0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static bool in(const range *table, size_t count, uint32_t c) {
	for (size_t i = 0; i < count; i++)
		if (c >= table[i].first && c <= table[i].last) return true;
	return false;
}
#define IN(table, c) in(table, sizeof(table) / sizeof(table)[0], c)

/* Reads one UTF-8 character and returns its length; a byte that is not UTF-8 counts as one character. */
static size_t decode(const unsigned char *s, const unsigned char *end, uint32_t *c) {
	size_t length = *s < 0x80 ? 1 : *s >= 0xf0 && *s < 0xf8 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 1;
	*c = '?';
	if (*s >= 0xf8 || (size_t)(end - s) < length) return 1;
	if (length == 1) {
		if (*s < 0x80) *c = *s;
		return 1;
	}
	uint32_t value = *s & (0xff >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80) return 1;
		value = value << 6 | (s[i] & 0x3f);
	}
	*c = value;
	return length;
}

/* The columns that a line takes on a terminal, starting at column 2 (after the balloon's edge). */
static size_t columns(const char *line, size_t length) {
	const unsigned char *s = (const unsigned char *)line, *end = s + length;
	size_t width = 0, last = 0;
	bool joined = false;
	while (s < end) {
		uint32_t c;
		s += decode(s, end, &c);
		size_t w = 1;
		if (c == '\t')
			w = 8 - (width + 2) % 8;
		else if (c < 0x20 || c == 0x7f || joined || IN(ZERO, c))
			w = 0;
		else if (IN(WIDE, c))
			w = 2;
		if (c == 0xfe0f && last == 1) w = 1; /* "show the character before as a picture" */
		joined = c == 0x200d;
		width += w;
		last = w;
	}
	return width;
}

static void repeat(char c, size_t times) {
	while (times--) putchar(c);
}

static void border(char c, size_t width) {
	putchar(' ');
	repeat(c, width + 2);
	putchar('\n');
}

static void say(const char *message) {
	size_t widest = 0, lines = 0;
	for (const char *line = message;; lines++) {
		size_t length = strcspn(line, "\n"), width = columns(line, length);
		if (width > widest) widest = width;
		if (!line[length]) {
			lines++;
			break;
		}
		line += length + 1;
	}
	border('_', widest);
	for (size_t i = 0; i < lines; i++) {
		size_t length = strcspn(message, "\n");
		const char *edge = lines == 1 ? "<>" : i == 0 ? "/\\" : i == lines - 1 ? "\\/" : "||";
		printf("%c ", edge[0]);
		fwrite(message, 1, length, stdout);
		repeat(' ', widest - columns(message, length));
		printf(" %c\n", edge[1]);
		message += length + 1;
	}
	border('-', widest);
	fputs(COW, stdout);
}

int main(int argc, char **argv) {
	if (argc != 2) {
		fputs("usage: cowsay MESSAGE\n(one argument; quote it if it has spaces)\n", stderr);
		return 2;
	}
	say(argv[1]);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("cowsay: cannot write");
		return 1;
	}
	return 0;
}
