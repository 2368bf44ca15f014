/*
 * An HTTP server that waits in poll_oneoff for all its connections, with WasmEdge's sockets.
 * http-poll [port [address]]; a second listener with the variable SECOND_PORT. With -DNATIVE the same program for the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONNECTIONS = 1024, BUFFER = 4096 };
static const char RESPONSE[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, World!";

struct connection {
  int fd;
  int length;
  char buffer[BUFFER];
};
static struct connection connections[MAX_CONNECTIONS];
static int count = 0;

/* How many requests are complete; what follows them stays in the buffer. */
static int take_requests(struct connection *connection) {
  int requests = 0;
  char *from = connection->buffer;
  char *end = from + connection->length;
  for (char *at = from; at + 4 <= end;) {
    if (memcmp(at, "\r\n\r\n", 4) == 0) {
      requests++;
      at += 4;
      from = at;
    } else {
      at++;
    }
  }
  connection->length = (int)(end - from);
  memmove(connection->buffer, from, connection->length);
  return requests;
}

#ifdef NATIVE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static struct pollfd polled[MAX_CONNECTIONS + 1];
  int port = argc > 1 ? atoi(argv[1]) : 8080;
  int on = 1;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 511) != 0) return 1;
  fcntl(listener, F_SETFL, O_NONBLOCK);
  printf("listening on %d\n", port);
  fflush(stdout);
  for (;;) {
    polled[0] = (struct pollfd){listener, POLLIN, 0};
    for (int i = 0; i < count; i++) polled[i + 1] = (struct pollfd){connections[i].fd, POLLIN, 0};
    poll(polled, count + 1, -1);
    for (int i = count - 1; i >= 0; i--) {
      if (polled[i + 1].revents == 0) continue;
      struct connection *connection = &connections[i];
      int got = recv(connection->fd, connection->buffer + connection->length, BUFFER - connection->length, MSG_DONTWAIT);
      if (got <= 0) {
        close(connection->fd);
        *connection = connections[--count];
        continue;
      }
      connection->length += got;
      for (int n = take_requests(connection); n > 0; n--) send(connection->fd, RESPONSE, sizeof RESPONSE - 1, MSG_NOSIGNAL);
    }
    int fd;
    if (polled[0].revents == 0) continue;
    while (count < MAX_CONNECTIONS && (fd = accept(listener, NULL, NULL)) >= 0) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections[count].fd = fd;
      connections[count++].length = 0;
    }
  }
}
#else
#include "sockets.h"
#include <wasi/api.h>

static __wasi_subscription_t subscriptions[MAX_CONNECTIONS + 2];
static __wasi_event_t events[MAX_CONNECTIONS + 2];
static unsigned char ready[MAX_CONNECTIONS + 2];

static void subscribe(int at, int fd) {
  memset(&subscriptions[at], 0, sizeof subscriptions[at]);
  subscriptions[at].userdata = at;
  subscriptions[at].u.tag = __WASI_EVENTTYPE_FD_READ;
  subscriptions[at].u.u.fd_read.file_descriptor = fd;
}

static int listen_on(const char *address, int port) {
  uint8_t ip[4] = {0, 0, 0, 0};
  if (address != NULL) sscanf(address, "%hhu.%hhu.%hhu.%hhu", &ip[0], &ip[1], &ip[2], &ip[3]);
  address_t at = {ip, 4};
  int32_t fd;
  int error = sock_open(FAMILY_INET4, TYPE_STREAM, &fd);
  uint32_t on = 1;
  if (error == 0) error = sock_setsockopt(fd, 0, OPTION_REUSEADDR, &on, sizeof on);
  if (error == 0) error = sock_bind(fd, &at, port);
  if (error == 0) error = sock_listen(fd, 511);
  if (error == 0) error = fd_flags(fd, FLAG_NONBLOCK);
  if (error != 0) {
    printf("cannot listen on %d: errno %d\n", port, error);
    exit(1);
  }
  printf("listening on %d\n", port);
  fflush(stdout);
  return fd;
}

static void serve(int at) {
  struct connection *connection = &connections[at];
  uint32_t got = 0;
  int error = receive(connection->fd, connection->buffer + connection->length, BUFFER - connection->length, &got);
  if (error == E_AGAIN) return;
  if (error == 0 && got > 0) {
    connection->length += got;
    for (int n = take_requests(connection); n > 0 && error == 0; n--)
      error = send_text(connection->fd, RESPONSE, sizeof RESPONSE - 1);
    if (error == 0) return;
  }
  fd_close(connection->fd);
  *connection = connections[--count];
}

static void accept_all(int listener) {
  int32_t fd;
  while (count < MAX_CONNECTIONS && sock_accept_v2(listener, FLAG_NONBLOCK, &fd) == 0) {
    connections[count].fd = fd;
    connections[count++].length = 0;
  }
}

int main(int argc, char **argv) {
  const char *address = argc > 2 ? argv[2] : NULL;
  const char *second = getenv("SECOND_PORT");
  int listeners[2] = {listen_on(address, argc > 1 ? atoi(argv[1]) : 8080), -1};
  int listening = 1;
  if (second != NULL) listeners[listening++] = listen_on(address, atoi(second));
  for (;;) {
    for (int i = 0; i < listening; i++) subscribe(i, listeners[i]);
    for (int i = 0; i < count; i++) subscribe(listening + i, connections[i].fd);
    __wasi_size_t happened = 0;
    if (__wasi_poll_oneoff(subscriptions, events, listening + count, &happened) != 0) return 2;
    memset(ready, 0, listening + count);
    for (unsigned i = 0; i < happened; i++) ready[events[i].userdata] = 1;
    for (int i = count - 1; i >= 0; i--)
      if (ready[listening + i]) serve(i);
    for (int i = 0; i < listening; i++)
      if (ready[i]) accept_all(listeners[i]);
  }
}
#endif
