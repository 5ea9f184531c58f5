// A program that tries things, for the tests of the WebAssembly executor: probe WHAT [ARGUMENT]...
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile uint64_t sink;

static void copy(const char *from, const char *to) {
	char buffer[4096];
	size_t n;
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	if (!in || !out) {
		perror("copy");
		exit(1);
	}
	while ((n = fread(buffer, 1, sizeof buffer, in)) > 0) fwrite(buffer, 1, n, out);
	fclose(in);
	fclose(out);
}

static void try_write(const char *path) {
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	printf("%s: %s\n", path, fd >= 0 ? "yes" : strerror(errno));
	if (fd >= 0) close(fd);
}

static void list(const char *path) {
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat info;
	if (!dir) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) printf("%s ", entry->d_name);
	closedir(dir);
	stat(path, &info);
	printf("| ino %llu mtime %lld\n", (unsigned long long)info.st_ino, (long long)info.st_mtime);
}

static void clocks(void) {
	struct timespec real, mono, pause = { 3600, 0 };
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	printf("%lld.%09ld %lld.%09ld\n", (long long)real.tv_sec, real.tv_nsec, (long long)mono.tv_sec, mono.tv_nsec);
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	printf("%lld.%09ld\n", (long long)mono.tv_sec, mono.tv_nsec);
}

static void random_bytes(void) {
	unsigned char bytes[32];
	size_t i;
	getentropy(bytes, sizeof bytes);
	for (i = 0; i < sizeof bytes; i++) printf("%02x", bytes[i]);
	printf("\n%p\n", malloc(10));
}

static void fill(const char *folder) {
	static char block[65536];
	char path[64];
	int n;
	for (n = 0;; n++) {
		snprintf(path, sizeof path, "%s/%d", folder, n);
		int fd = open(path, O_WRONLY | O_CREAT, 0644);
		if (fd < 0) exit(3);
		write(fd, block, sizeof block);
		close(fd);
	}
}

static void files(void) {
	char text[16] = { 0 };
	FILE *f = fopen("/tmp/a", "w+");
	fputs("hello world", f);
	fseek(f, 6, SEEK_SET);
	fgets(text, sizeof text, f);
	fclose(f);
	f = fopen("/tmp/a", "a");
	fputs("!", f);
	fclose(f);
	mkdir("/outputs/d", 0755);
	rename("/tmp/a", "/outputs/d/b");
	truncate("/outputs/d/b", 5);
	f = fopen("/outputs/gone", "w");
	fclose(f);
	printf("%s unlink %d rmdir %d symlink %d\n", text, unlink("/outputs/gone"), rmdir("/outputs/d"), symlink("a", "/tmp/l"));
}

int main(int argc, char **argv) {
	const char *what = argc > 1 ? argv[1] : "";
	const char *argument = argc > 2 ? argv[2] : "";
	if (!strcmp(what, "echo")) {
		fputs(argument, stdout);
	} else if (!strcmp(what, "env")) {
		for (char **e = environ; *e; e++) puts(*e);
	} else if (!strcmp(what, "exit")) {
		fputs("careful\n", stderr);
		return atoi(argument);
	} else if (!strcmp(what, "copy")) {
		copy(argument, argv[3]);
	} else if (!strcmp(what, "write")) {
		for (int i = 2; i < argc; i++) try_write(argv[i]);
	} else if (!strcmp(what, "list")) {
		for (int i = 2; i < argc; i++) list(argv[i]);
	} else if (!strcmp(what, "clocks")) {
		clocks();
	} else if (!strcmp(what, "random")) {
		random_bytes();
	} else if (!strcmp(what, "files")) {
		files();
	} else if (!strcmp(what, "memory")) {
		for (int n = 0;;) {
			char *more = malloc(1 << 20);
			if (!more) return 9;
			memset(more, 1, 1 << 20);
			sink += (uint64_t)more[n++ % 100] + (uint64_t)(uintptr_t)more;
		}
	} else if (!strcmp(what, "spin")) {
		for (;;) sink++;
	} else if (!strcmp(what, "work")) {
		for (long i = 0, n = atol(argument); i < n; i++) sink += (uint64_t)i;
	} else if (!strcmp(what, "trap")) {
		__builtin_trap();
	} else if (!strcmp(what, "fill")) {
		fill(argument);
	} else if (!strcmp(what, "sparse")) {
		int fd = open(argument, O_WRONLY | O_CREAT, 0644);
		ftruncate(fd, 1LL << 40);
	} else if (!strcmp(what, "stdout")) {
		for (;;) puts("yes");
	} else if (!strcmp(what, "stderr")) {
		for (;;) fputs("yes\n", stderr);
	} else {
		return 99;
	}
	return 0;
}
