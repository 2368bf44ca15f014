/* A CGI program that does what the last part of its path says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile unsigned work;

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

static void text(void) { fputs("Content-Type: text/plain\r\n\r\n", stdout); }

static void flood(const char *piece, long count) {
  for (long i = 0; i < count; i++) fputs(piece, stdout);
}

/* stdin to stdout. */
static void echo(void) {
  static char block[65536];
  ssize_t got;
  fflush(stdout);
  while ((got = read(0, block, sizeof block)) > 0) {
    for (ssize_t at = 0; at < got;) {
      ssize_t sent = write(1, block + at, got - at);
      if (sent <= 0) return;
      at += sent;
    }
  }
}

static int is(const char *what) { return strcmp(variable("PATH_INFO"), what) == 0; }

int main(int argc, char **argv) {
  if (is("/env")) {
    text();
    for (char **entry = environ; *entry != NULL; entry++) puts(*entry);
    return 0;
  }
  if (is("/args")) {
    text();
    for (int i = 0; i < argc; i++) puts(argv[i]);
    return 0;
  }
  if (is("/raw")) { /* The body is all of the output, header too. */
    echo();
    return 0;
  }
  if (is("/echo")) {
    text();
    echo();
    return 0;
  }
  if (is("/unread")) {
    text();
    puts("read nothing");
    return 0;
  }
  if (is("/status")) {
    printf("Status: %s\nContent-Type: text/plain\n\n", variable("QUERY_STRING"));
    return 0;
  }
  if (is("/exit")) return atoi(variable("QUERY_STRING"));
  if (is("/late-exit")) {
    text();
    puts("all");
    return 3;
  }
  if (is("/trap")) __builtin_trap();
  if (is("/late-trap")) {
    text();
    puts("a part");
    fflush(stdout);
    __builtin_trap();
  }
  if (is("/spin"))
    for (;;) work++;
  if (is("/begin-and-spin")) {
    text();
    puts("a part");
    fflush(stdout);
    for (;;) work++;
  }
  if (is("/sleep")) {
    struct timespec hour = {3600, 0};
    nanosleep(&hour, NULL);
    return 0;
  }
  if (is("/nap")) {
    struct timespec moment = {0, atol(variable("QUERY_STRING")) * 1000000};
    nanosleep(&moment, NULL);
    text();
    puts("awake");
    return 0;
  }
  if (is("/headers")) {
    for (;;) puts("X-More: and more");
  }
  if (is("/flood")) { /* mebibytes */
    static char block[1 << 20];
    memset(block, 'x', sizeof block - 1);
    text();
    flood(block, atol(variable("QUERY_STRING")));
    return 0;
  }
  if (is("/residue")) { /* whether a former run has left something: in data, on the heap, above it */
    static char zeros[4096];
    static unsigned marks = 0;
    char *heap = malloc(4096);
    int clean = marks == 0 && heap != NULL;
    for (int i = 0; i < 4096; i++) clean = clean && zeros[i] == 0;
    for (int i = 0; clean && i < 4096; i += 64) clean = memcmp(heap + i, "residue", 7) != 0;
    marks = 1;
    memset(zeros, 'x', sizeof zeros);
    for (int i = 0; heap != NULL && i < 4096; i += 64) memcpy(heap + i, "residue", 7);
    text();
    puts(clean ? "clean" : "used");
    return 0;
  }
  if (is("/split")) {
    static const char header[] = "Content-Type: text/plain\r\nX-One: 1\r\n\r\nbody";
    struct timespec moment = {0, 1000000};
    for (size_t i = 0; i < sizeof header - 1; i++) {
      fputc(header[i], stdout);
      fflush(stdout);
      if (i % 8 == 0) nanosleep(&moment, NULL);
    }
    return 0;
  }
  if (is("/inject")) {
    printf("Content-Type: text/plain\nX-Name: a\rSet-Cookie: b\n\n");
    return 0;
  }
  if (is("/stderr")) {
    fprintf(stderr, "for the log\n");
    text();
    return 0;
  }
  if (is("/write")) {
    FILE *file = fopen("/kept", "a+");
    if (file == NULL) return 9;
    fputs("x", file);
    text();
    printf("%ld\n", ftell(file));
    fclose(file);
    return 0;
  }
  text();
  printf("Hello from CGI: %s\n", variable("PATH_INFO"));
  return 0;
}
