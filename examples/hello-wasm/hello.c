/*
 * A small HTTP server in WebAssembly. By itself it says hello; with UPSTREAM=name:port in its environment it asks that
 * service instead, by name, and passes on what it says. It serves one client after the other.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasmedge_socket.h"

enum { PORT = 8080, BACKLOG = 128, TEXT_SIZE = 4096 };

/* Reads until `end` has arrived (NULL: until the other side closes) or the buffer is full. */
static void read_until(int fd, char text[TEXT_SIZE], const char *end) {
  size_t used = 0;
  text[0] = '\0';
  while (used < TEXT_SIZE - 1 && (end == NULL || strstr(text, end) == NULL)) {
    ssize_t got = recv(fd, text + used, TEXT_SIZE - 1 - used, 0);
    if (got <= 0) return;
    used += got;
    text[used] = '\0';
  }
}

static int connect_to(const char *host, int port) {
  uint8_t data[26] = {0};
  struct wasmedge_sockaddr address = {.data_size = sizeof data, .data = data};
  struct wasmedge_addrinfo result = {.address = &address, .address_size = sizeof address};
  struct wasmedge_addrinfo hints = {.family = WASMEDGE_INET4, .type = WASMEDGE_STREAM};
  struct wasmedge_addrinfo *results = &result;
  uint32_t count = 0;
  int fd;
  if (wasmedge_getaddrinfo(host, strlen(host), "", 0, &hints, &results, 1, &count) != 0 || count == 0) return -1;
  if (wasmedge_open(WASMEDGE_INET4, WASMEDGE_STREAM, &fd) != 0) return -1;
  struct wasmedge_address ip = {.bytes = data + 2, .size = 4};
  if (wasmedge_connect(fd, &ip, port) == 0) return fd;
  close(fd);
  return -1;
}

/* What the service `name:port` answers to GET /, or NULL. */
static const char *ask(const char *upstream, char text[TEXT_SIZE]) {
  char host[256];
  const char *colon = strchr(upstream, ':');
  snprintf(host, sizeof host, "%.*s", (int)(colon == NULL ? strlen(upstream) : (size_t)(colon - upstream)), upstream);
  int fd = connect_to(host, colon == NULL ? 80 : atoi(colon + 1));
  if (fd < 0) return NULL;
  static const char request[] = "GET / HTTP/1.0\r\n\r\n";
  text[0] = '\0';
  if (send(fd, request, sizeof request - 1, 0) > 0) read_until(fd, text, NULL);
  close(fd);
  const char *body = strstr(text, "\r\n\r\n");
  return body == NULL ? NULL : body + 4;
}

static void serve(int fd) {
  static char request[TEXT_SIZE], answer[TEXT_SIZE], reply[2 * TEXT_SIZE];
  read_until(fd, request, "\r\n\r\n");
  request[strcspn(request, "\r")] = '\0';
  if (request[0] == '\0') return; /* a probe that only connects */
  const char *upstream = getenv("UPSTREAM");
  const char *said = upstream == NULL ? "hello\n" : ask(upstream, answer);
  int size = snprintf(reply, sizeof reply,
                      "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%s%s%s",
                      said == NULL ? "502 Bad Gateway" : "200 OK", upstream == NULL ? "" : upstream,
                      upstream == NULL ? "" : " says: ", said == NULL ? "nothing\n" : said);
  if (send(fd, reply, size, 0) != size) fprintf(stderr, "the client has gone: %s\n", strerror(errno));
  printf("%s\n", request);
}

int main(void) {
  int listener, client;
  uint8_t any[4] = {0, 0, 0, 0};
  struct wasmedge_address address = {.bytes = any, .size = sizeof any};
  int error = wasmedge_open(WASMEDGE_INET4, WASMEDGE_STREAM, &listener);
  if (error == 0) error = wasmedge_bind(listener, &address, PORT);
  if (error == 0) error = wasmedge_listen(listener, BACKLOG);
  if (error != 0) {
    fprintf(stderr, "cannot listen on port %d: %s\n", PORT, strerror(error));
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  while ((client = accept(listener, NULL, NULL)) >= 0) {
    serve(client);
    close(client);
  }
  fprintf(stderr, "accept: %s\n", strerror(errno));
  return 1;
}
