/* Does what its first argument says; one program for all that needs no sockets. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned work;

__attribute__((noinline)) static void fall(int depth) {
  if (depth == 0) __builtin_trap();
  fall(depth - 1);
  work++;
}

__attribute__((noinline)) static int recurse(int depth) {
  volatile char frame[64];
  frame[0] = (char)depth;
  return recurse(depth + 1) + frame[0];
}

static int append(const char *path, const char *text) {
  FILE *file = fopen(path, "a");
  if (file == NULL) {
    perror(path);
    return 1;
  }
  fprintf(file, "%s\n", text);
  return fclose(file) == 0 ? 0 : 1;
}

static int show(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return 1;
  }
  int byte;
  while ((byte = fgetc(file)) != EOF) putchar(byte);
  fclose(file);
  return 0;
}

/* The number in a file, which grows by one with each run. */
static int run_number(const char *path) {
  int number = 0;
  FILE *file = fopen(path, "r");
  if (file != NULL) {
    if (fscanf(file, "%d", &number) != 1) number = 0;
    fclose(file);
  }
  file = fopen(path, "w");
  if (file == NULL) return -1;
  fprintf(file, "%d\n", number + 1);
  fclose(file);
  return number + 1;
}

static void wait_ms(long ms) {
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* Opens, writes, seeks, reads and closes a file again and again; prints microseconds for one such cycle. */
static int cycle_file(const char *path, int cycles) {
  char text[64] = "what is written and read again, sixty-four bytes of it, no more";
  double from = now_us();
  for (int i = 0; i < cycles; i++) {
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    if (fd < 0 || write(fd, text, sizeof text) != sizeof text || lseek(fd, 0, SEEK_SET) != 0 ||
        read(fd, text, sizeof text) != sizeof text || close(fd) != 0) {
      perror(path);
      return 1;
    }
  }
  printf("%.3f\n", (now_us() - from) / cycles);
  return 0;
}

/* out=TEXT and err=TEXT, in order. */
static void print_all(int count, char **arguments) {
  for (int i = 0; i < count; i++) {
    FILE *stream = strncmp(arguments[i], "err=", 4) == 0 ? stderr : stdout;
    fprintf(stream, "%s\n", arguments[i] + 4);
    fflush(stream);
  }
}

static int grow(long mebibytes) {
  for (long i = 0; i < mebibytes; i++) {
    char *block = malloc(1 << 20);
    if (block == NULL) {
      printf("out of memory after %ld MiB\n", i);
      return 3;
    }
    memset(block, (int)i, 1 << 20);
    work += (unsigned char)block[i];
  }
  printf("got %ld MiB\n", mebibytes);
  return 0;
}

/* Waits for input with a time-out, as an event loop does. */
static int poll_input(void) {
  char block[256];
  for (int idle = 0;;) {
    struct pollfd wanted = {.fd = 0, .events = POLLRDNORM};
    int ready = poll(&wanted, 1, 20);
    if (ready == 0) {
      if (idle++ == 0) puts("nothing yet");
      continue;
    }
    ssize_t n = read(0, block, sizeof block);
    if (n <= 0) break;
    printf("got %.*s", (int)n, block);
  }
  puts("end of file");
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "exit") == 0) return atoi(argv[2]);
  if (strcmp(what, "wait") == 0)
    for (;;) wait_ms(3600000);
  if (strcmp(what, "sleep") == 0) {
    wait_ms(atol(argv[2]));
    puts("awake");
    return 0;
  }
  if (strcmp(what, "spin") == 0) {
    puts("spinning");
    for (;;) work++;
  }
  if (strcmp(what, "lines") == 0) {
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) printf("got %s", line);
    puts("end of file");
    return 0;
  }
  if (strcmp(what, "poll") == 0) return poll_input();
  if (strcmp(what, "total") == 0) {
    long total = 0;
    char block[8192];
    for (ssize_t n; (n = read(0, block, sizeof block)) > 0;) total += n;
    printf("%ld bytes\n", total);
    return 0;
  }
  if (strcmp(what, "print") == 0) {
    print_all(argc - 2, argv + 2);
    return 0;
  }
  if (strcmp(what, "count") == 0) {
    for (int i = 0; i < atoi(argv[2]); i++) printf("line %d\n", i);
    return 0;
  }
  if (strcmp(what, "flood") == 0)
    for (;;) puts("a line of a flood that nobody asked for, about as long as a line of a log is, and then some more");
  if (strcmp(what, "args") == 0) {
    for (int i = 2; i < argc; i++) puts(argv[i]);
    return 0;
  }
  if (strcmp(what, "program") == 0) {
    puts(argv[0]);
    return 0;
  }
  if (strcmp(what, "env") == 0) {
    for (int i = 2; i < argc; i++) {
      const char *value = getenv(argv[i]);
      if (value != NULL) printf("%s=%s\n", argv[i], value);
    }
    return 0;
  }
  if (strcmp(what, "append") == 0) return append(argv[2], argv[3]);
  if (strcmp(what, "read") == 0) return show(argv[2]);
  if (strcmp(what, "cycle-file") == 0) return cycle_file(argv[2], atoi(argv[3]));
  if (strcmp(what, "log-lines") == 0) {
    for (int i = 0; i < atoi(argv[2]); i++) puts("a line of a log, of about the length that such lines have, with a time and some words in it");
    return 0;
  }
  if (strcmp(what, "fail-first") == 0) {
    int number = run_number(argv[3]);
    printf("run %d\n", number);
    return number > atoi(argv[2]) ? 0 : 1;
  }
  if (strcmp(what, "trap") == 0) fall(2);
  if (strcmp(what, "recurse") == 0) return recurse(0);
  if (strcmp(what, "grow") == 0) return grow(atol(argv[2]));
  if (strcmp(what, "partial") == 0) {
    fputs("no newline", stdout);
    fflush(stdout);
    return 0;
  }
  fprintf(stderr, "tool: what is '%s'?\n", what);
  return 2;
}
