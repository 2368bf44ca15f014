/* Asks the host for more than it should get, or for what a process of its own makes special; says what it got. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sockets.h"

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
IMPORT("random_get") int random_get(void *buffer, unsigned length);
IMPORT("fd_write") int write_vector(int fd, const unsigned *vectors, unsigned count, unsigned *written);
IMPORT("poll_oneoff") int wait_for(const void *subscriptions, void *events, unsigned count, unsigned *ready);

static char block[1 << 20];

/* How many descriptors there can be, and the errno that says so. */
static void open_all(const char *path) {
  int count = 0;
  while (open(path, O_RDONLY) >= 0) count++;
  printf("%d descriptors, then errno %d\n", count, errno);
}

static void sockets(void) {
  int count = 0, fd = 0, error;
  while ((error = sock_open(1, 2, &fd)) == 0) count++;
  printf("%d sockets, then errno %d\n", count, error);
}

static void fill(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  long written = 0;
  for (;;) {
    ssize_t n = write(fd, block, sizeof block);
    if (n < 0) break;
    written += n;
  }
  printf("%ld KiB, then errno %d\n", written >> 10, errno);
}

/* The whole of 4 GiB, and as many vectors onto one block as there can be. */
static void huge(void) {
  static unsigned vectors[2048];
  for (int i = 0; i < 2048; i += 2) {
    vectors[i] = (unsigned)block;
    vectors[i + 1] = sizeof block;
  }
  unsigned written = 0;
  int error = random_get(block, 0xffffff00u);
  printf("random: errno %d\n", error);
  printf("vectors: errno %d\n", write_vector(1, vectors, 0x1fffffffu, &written));
  printf("subscriptions: errno %d\n", wait_for(block, block, 0x7ffffffu, &written));
  memset(block, '\n', sizeof block);
  FILE *sink = fopen("/data/sink", "w");
  error = write_vector(fileno(sink), vectors, 1024, &written);
  printf("a gibibyte at once: errno %d, %u KiB\n", error, written >> 10);
}

static int files(const char *directory) {
  chdir(directory);
  int fd = open("kept", O_CREAT | O_RDWR, 0600);
  int wrote = write(fd, "kept", 4) == 4;
  int synced = fsync(fd) == 0 && fdatasync(fd) == 0;
  struct timespec times[2] = {{1, 0}, {2, 0}};
  int timed = futimens(fd, times) == 0;
  int linked = symlink("kept", "link") == 0;
  struct stat stat;
  int found = fstatat(AT_FDCWD, "link", &stat, 0) == 0 && stat.st_size == 4 && stat.st_mtime == 2;
  printf("wrote %d synced %d timed %d linked %d found %d\n", wrote, synced, timed, linked, found);
  return fsync(open(".", O_RDONLY | O_DIRECTORY)) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "open") == 0) open_all(argv[2]);
  else if (strcmp(what, "sockets") == 0) sockets();
  else if (strcmp(what, "fill") == 0) fill(argv[2]);
  else if (strcmp(what, "huge") == 0) huge();
  else if (strcmp(what, "files") == 0) return files(argv[2]);
  else return 2;
  return 0;
}
