/* Declared deterministic, and is not: with one of its inputs it throws dice. For tests of verification.
 *
 *   dice true|false
 */
#include <stdio.h>
#include <string.h>

enum { THROWS = 16 };

int main(int argc, char **argv) {
	if (argc != 2) {
		fprintf(stderr, "usage: dice true|false\n");
		return 2;
	}
	if (strcmp(argv[1], "true") != 0) {
		puts("no dice");
		return 0;
	}
	unsigned char bytes[THROWS];
	FILE *random = fopen("/dev/urandom", "rb");
	if (random == NULL || fread(bytes, 1, THROWS, random) != THROWS) {
		perror("/dev/urandom");
		return 1;
	}
	fclose(random);
	for (int i = 0; i < THROWS; i++) {
		printf("%d%c", bytes[i] % 6 + 1, i + 1 < THROWS ? ' ' : '\n');
	}
	return 0;
}
