/*
 * The guestbook's HTTP server, a WebAssembly service: counts visits in Redis and writes each into a volume.
 *
 *   GET /          200 "visits: N"      503 while Redis is away
 *   GET /healthz   200 when Redis answers, else 503
 *
 * One loop around poll(): clients never wait for each other, only for Redis.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "redis.h"
#include "wasmedge_socket.h"

enum { PORT = 8080, BACKLOG = 128, MAX_CLIENTS = 128, REQUEST_SIZE = 8192, BODY_SIZE = 512 };

static const char VISITS_LOG[] = "/data/visits.log";

struct client {
  int fd;
  size_t used;
  char request[REQUEST_SIZE + 1];
};

struct response {
  int status;
  char body[BODY_SIZE];
};

static struct client clients[MAX_CLIENTS];
static size_t client_count = 0;

/* ---- what the service does ---- */

static bool write_visit(long long number) {
  char line[64];
  time_t now = time(NULL);
  size_t size = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  size += snprintf(line + size, sizeof line - size, " visit %lld\n", number);
  int file = open(VISITS_LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (file < 0) return false;
  bool written = write(file, line, size) == (ssize_t)size;
  return close(file) == 0 && written;
}

static void visit(struct response *response) {
  long long number;
  if (!redis_increment("visits", &number)) {
    response->status = 503;
    snprintf(response->body, BODY_SIZE, "the counter is away: redis: %s\n", redis_problem());
  } else if (!write_visit(number)) {
    response->status = 500;
    snprintf(response->body, BODY_SIZE, "cannot write %s: %s\n", VISITS_LOG, strerror(errno));
  } else {
    response->status = 200;
    snprintf(response->body, BODY_SIZE, "Hello from WebAssembly.\nvisits: %lld\n", number);
  }
}

static void health(struct response *response) {
  bool healthy = redis_ping();
  response->status = healthy ? 200 : 503;
  snprintf(response->body, BODY_SIZE, healthy ? "ok\n" : "redis: %s\n", redis_problem());
}

static void answer(const char *method, const char *path, struct response *response) {
  if (strcmp(method, "GET") != 0) {
    response->status = 405;
    snprintf(response->body, BODY_SIZE, "only GET is understood\n");
  } else if (strcmp(path, "/") == 0) {
    visit(response);
  } else if (strcmp(path, "/healthz") == 0) {
    health(response);
  } else {
    response->status = 404;
    snprintf(response->body, BODY_SIZE, "there is no such page\n");
  }
}

/* ---- HTTP ---- */

static const char *reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    default: return "Service Unavailable";
  }
}

/* A response fits into any socket's buffer; a client that does not take even that is not worth waiting for. */
static bool reply(int fd, const struct response *response, bool keep) {
  char text[BODY_SIZE + 256];
  int size = snprintf(text, sizeof text,
                      "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                      "Cache-Control: no-store\r\nConnection: %s\r\n\r\n%s",
                      response->status, reason(response->status), strlen(response->body),
                      keep ? "keep-alive" : "close", response->body);
  return send(fd, text, size, 0) == size;
}

/* The value of a header in a request that ends with an empty line, or NULL. */
static const char *header(const char *request, const char *name) {
  size_t size = strlen(name);
  for (const char *line = strstr(request, "\r\n"); line; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, size) == 0 && line[size] == ':') return line + size + 1 + strspn(line + size + 1, " ");
  }
  return NULL;
}

/* Cuts `text` at the first of `ends` and returns what follows, or NULL when there is none. */
static char *cut(char *text, const char *ends) {
  char *end = strpbrk(text, ends);
  if (end == NULL) return NULL;
  *end = '\0';
  return end + 1;
}

/* Answers one request, complete with its empty line. False: the connection ends. */
static bool serve(int fd, char *request) {
  struct response response = {.status = 400, .body = "this is not HTTP\n"};
  const char *connection = header(request, "Connection");
  const char *length = header(request, "Content-Length");
  bool has_body = header(request, "Transfer-Encoding") != NULL || (length != NULL && atoll(length) != 0);
  bool wants_close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
  const char *method = request;
  char *path = cut(request, " ");
  char *version = path == NULL ? NULL : cut(path, " ");
  if (version == NULL || strncmp(version, "HTTP/1.", 7) != 0) {
    reply(fd, &response, false);
    return false;
  }
  cut(path, "?");
  bool keep = version[7] == '1' && !wants_close && !has_body;
  answer(method, path, &response);
  /* The probe that finds all well, every second, is not worth a line. */
  bool quiet = response.status == 200 && strcmp(path, "/healthz") == 0;
  if (!quiet) printf("%s %s %d\n", method, path, response.status);
  return reply(fd, &response, keep) && keep;
}

/* Reads what has arrived and answers every request that is complete. False: the connection ends. */
static bool read_client(struct client *client) {
  ssize_t got = recv(client->fd, client->request + client->used, REQUEST_SIZE - client->used, 0);
  if (got < 0) return errno == EAGAIN;
  if (got == 0) return false;
  client->used += got;
  client->request[client->used] = '\0';
  char *end;
  while ((end = strstr(client->request, "\r\n\r\n")) != NULL) {
    char *rest = end + 4;
    char first = *rest;
    *rest = '\0';
    if (!serve(client->fd, client->request)) return false;
    *rest = first;
    client->used -= rest - client->request;
    memmove(client->request, rest, client->used + 1);
  }
  if (client->used < REQUEST_SIZE) return true;
  struct response response = {.status = 431, .body = "the request is too long\n"};
  reply(client->fd, &response, false);
  return false;
}

/* ---- connections ---- */

static int open_listener(void) {
  int listener = -1;
  uint8_t any[4] = {0, 0, 0, 0};
  struct wasmedge_address address = {.bytes = any, .size = sizeof any};
  int error = wasmedge_open(WASMEDGE_INET4, WASMEDGE_STREAM, &listener);
  if (error == 0) error = wasmedge_bind(listener, &address, PORT);
  if (error == 0) error = wasmedge_listen(listener, BACKLOG);
  if (error == 0 && fcntl(listener, F_SETFL, O_NONBLOCK) == 0) return listener;
  fprintf(stderr, "cannot listen on port %d: %s\n", PORT, strerror(error == 0 ? errno : error));
  exit(1);
}

static void accept_clients(int listener) {
  while (client_count < MAX_CLIENTS) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    clients[client_count].fd = fd;
    clients[client_count].used = 0;
    client_count++;
  }
}

int main(void) {
  static struct pollfd watched[MAX_CLIENTS + 1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  int listener = open_listener();
  printf("listening on port %d\n", PORT);
  for (;;) {
    size_t count = client_count;
    for (size_t i = 0; i < count; i++) watched[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
    /* A full house leaves new clients in the queue of the listener. */
    bool room = count < MAX_CLIENTS;
    watched[count] = (struct pollfd){.fd = listener, .events = POLLIN};
    if (poll(watched, count + room, -1) < 0) {
      fprintf(stderr, "poll: %s\n", strerror(errno));
      return 1;
    }
    /* Backwards: the last client takes the place of one that ended, and has been looked at already. */
    for (size_t i = count; i-- > 0;) {
      if (watched[i].revents == 0 || read_client(&clients[i])) continue;
      close(clients[i].fd);
      if (i != --client_count) memcpy(&clients[i], &clients[client_count], sizeof clients[i]);
    }
    if (room && watched[count].revents != 0) accept_clients(listener);
  }
}
