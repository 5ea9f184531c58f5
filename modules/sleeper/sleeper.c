/* Waits, and says so: a job of a known length, for trying out what happens while a job runs.
 *
 *   sleeper SECONDS
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LONGEST = 86400 };

int main(int argc, char **argv) {
	char *end = NULL;
	errno = 0;
	long seconds = argc == 2 ? strtol(argv[1], &end, 10) : -1;
	if (argc != 2 || errno != 0 || end == argv[1] || *end != '\0' || seconds < 0 || seconds > LONGEST) {
		fprintf(stderr, "usage: sleeper SECONDS (0 to %d)\n", LONGEST);
		return 2;
	}
	struct timespec left = { .tv_sec = seconds, .tv_nsec = 0 };
	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
	printf("slept %ld\n", seconds);
	return 0;
}
