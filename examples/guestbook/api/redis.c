/*
 * As much of a Redis client as a counter needs: one connection, made when it is first wanted and made again when Redis
 * has gone. The server is found by its service name, as from any container.
 */
#include "redis.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasmedge_socket.h"

enum { ANSWER_TIMEOUT_MS = 2000, LINE_SIZE = 256 };

static int connection = -1;
static char problem[LINE_SIZE] = "";

const char *redis_problem(void) { return problem; }

/* Remembers what went wrong and drops the connection: after an error nobody knows what would be read next. */
static bool fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(problem, sizeof problem, format, values);
  va_end(values);
  if (connection >= 0) close(connection);
  connection = -1;
  return false;
}

static bool resolve(const char *host, uint8_t ip[4]) {
  uint8_t data[26] = {0}; /* what an IPv6 answer would need */
  struct wasmedge_sockaddr address = {.data_size = sizeof data, .data = data};
  struct wasmedge_addrinfo result = {.address = &address, .address_size = sizeof address};
  struct wasmedge_addrinfo hints = {.family = WASMEDGE_INET4, .type = WASMEDGE_STREAM};
  struct wasmedge_addrinfo *results = &result;
  uint32_t count = 0;
  int error = wasmedge_getaddrinfo(host, strlen(host), "", 0, &hints, &results, 1, &count);
  if (error != 0 || count == 0) return fail("the name %s is not known (%d)", host, error);
  memcpy(ip, data + 2, 4);
  return true;
}

static bool dial(void) {
  const char *host = getenv("REDIS_HOST") ? getenv("REDIS_HOST") : "redis";
  int port = getenv("REDIS_PORT") ? atoi(getenv("REDIS_PORT")) : 6379;
  uint8_t ip[4];
  if (!resolve(host, ip)) return false;
  int error = wasmedge_open(WASMEDGE_INET4, WASMEDGE_STREAM, &connection);
  if (error != 0) return fail("no socket: %s", strerror(error));
  struct wasmedge_address address = {.bytes = ip, .size = sizeof ip};
  error = wasmedge_connect(connection, &address, port);
  if (error != 0) return fail("%s:%d: %s", host, port, strerror(error));
  return true;
}

static bool readable_within(int timeout_ms) {
  struct pollfd watch = {.fd = connection, .events = POLLIN};
  return poll(&watch, 1, timeout_ms) > 0;
}

/* Reads one line of the answer, without its CR LF. */
static bool read_line(char line[LINE_SIZE]) {
  for (size_t used = 0; used < LINE_SIZE;) {
    if (!readable_within(ANSWER_TIMEOUT_MS)) return fail("no answer for %d ms", ANSWER_TIMEOUT_MS);
    ssize_t got = recv(connection, line + used, LINE_SIZE - used, 0);
    if (got < 0) return fail("%s", strerror(errno));
    if (got == 0) return fail("the connection was closed");
    used += got;
    if (used >= 2 && line[used - 2] == '\r' && line[used - 1] == '\n') {
      line[used - 2] = '\0';
      return true;
    }
  }
  return fail("an answer that is too long");
}

/*
 * Sends one command and reads its one-line answer. Nothing is ever sent twice: a visit whose answer was lost may have
 * been counted. So a connection that Redis closed while it was idle is noticed before the command goes out.
 */
static bool ask(const char *command, char kind, char line[LINE_SIZE]) {
  if (connection >= 0 && readable_within(0)) fail("the connection was closed");
  if (connection < 0 && !dial()) return false;
  size_t size = strlen(command);
  if (send(connection, command, size, 0) != (ssize_t)size) return fail("%s", strerror(errno));
  if (!read_line(line)) return false;
  if (line[0] != kind) return fail("%s", line + 1);
  return true;
}

bool redis_ping(void) {
  char line[LINE_SIZE];
  return ask("*1\r\n$4\r\nPING\r\n", '+', line);
}

bool redis_increment(const char *key, long long *value) {
  char command[LINE_SIZE], line[LINE_SIZE];
  snprintf(command, sizeof command, "*2\r\n$4\r\nINCR\r\n$%zu\r\n%s\r\n", strlen(key), key);
  if (!ask(command, ':', line)) return false;
  *value = atoll(line + 1);
  return true;
}
