/* Counts the primes up to its argument with a bit sieve, and keeps the last ones in a file in memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *LAST = "/tmp/last";

static int keep_last(const uint8_t *composite, uint32_t limit) {
  FILE *file = fopen(LAST, "w");
  if (file == NULL) return -1;
  int kept = 0;
  for (uint32_t n = limit; n >= 2 && kept < 3; n--) {
    if (composite[n >> 3] & (1 << (n & 7))) continue;
    fprintf(file, "%u\n", n);
    kept++;
  }
  return fclose(file);
}

static int show_last(void) {
  FILE *file = fopen(LAST, "r");
  if (file == NULL) return -1;
  char line[16];
  while (fgets(line, sizeof line, file) != NULL) printf("  %s", line);
  return fclose(file);
}

int main(int argc, char **argv) {
  char *end = "?";
  unsigned long limit = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
  if (*end != '\0' || limit < 2 || limit > 1000000000) {
    fprintf(stderr, "usage: %s LIMIT, from 2 to 1000000000\n", argv[0]);
    return 2;
  }
  uint8_t *composite = calloc(limit / 8 + 1, 1);
  if (composite == NULL) {
    fprintf(stderr, "%s: not enough memory for %lu numbers\n", argv[0], limit);
    return 1;
  }
  unsigned long count = 0;
  for (uint64_t n = 2; n <= limit; n++) {
    if (composite[n >> 3] & (1 << (n & 7))) continue;
    count++;
    for (uint64_t m = n * n; m <= limit; m += n) composite[m >> 3] |= 1 << (m & 7);
  }
  printf("%lu primes up to %lu, the last ones:\n", count, limit);
  if (keep_last(composite, limit) != 0 || show_last() != 0) {
    perror(LAST);
    return 1;
  }
  return 0;
}
