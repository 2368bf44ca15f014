/*
 * gateway NAME PORT: an HTTP server on port 8080 that asks the echo service NAME anew for each request, and answers
 * with what came back. /exit ends it with status 1. So one request takes both ways of the network. It waits two seconds
 * at most: a container that vanished with its network says nothing any more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sockets.h"
#include <wasi/api.h>

enum { TIMED_OUT = 73, PATIENCE_S = 2 };

static char text[4096];

/* 0 when the socket can be read or written; TIMED_OUT when it could not be in time. */
static int wait_for(int fd, uint8_t what) {
  __wasi_subscription_t wanted[2] = {0};
  __wasi_event_t events[2];
  __wasi_size_t happened = 0;
  wanted[0].u.tag = what;
  wanted[0].u.u.fd_read.file_descriptor = fd;
  wanted[1].u.tag = __WASI_EVENTTYPE_CLOCK;
  wanted[1].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
  wanted[1].u.u.clock.timeout = PATIENCE_S * 1000000000ull;
  int error = __wasi_poll_oneoff(wanted, events, 2, &happened);
  if (error != 0) return error;
  return happened > 0 && events[0].type == what ? 0 : TIMED_OUT;
}

static int connect_in_time(int fd, address_t *address, int port) {
  uint32_t failed = 0, size = sizeof failed;
  fd_flags(fd, FLAG_NONBLOCK);
  int error = sock_connect(fd, address, port);
  if (error == E_INPROGRESS) error = wait_for(fd, __WASI_EVENTTYPE_FD_WRITE);
  if (error == 0) error = sock_getsockopt(fd, 0, OPTION_ERROR, &failed, &size);
  fd_flags(fd, 0);
  return error != 0 ? error : (int)failed;
}

static int receive_in_time(int fd, char *into, uint32_t size, uint32_t *got) {
  int error = wait_for(fd, __WASI_EVENTTYPE_FD_READ);
  return error != 0 ? error : receive(fd, into, size, got);
}

/* The errno of what failed, and what it was in `text`. */
static int ask(const char *name, int port) {
  uint8_t ip[4];
  address_t address = {ip, 4};
  int32_t fd;
  uint32_t length = 0, got = 0;
  int error = resolve(name, ip);
  if (error != 0) {
    snprintf(text, sizeof text, "resolve %s: errno %d", name, error);
    return error;
  }
  if ((error = sock_open(FAMILY_INET4, TYPE_STREAM, &fd)) != 0) return error;
  if ((error = connect_in_time(fd, &address, port)) == 0 && (error = send_text(fd, "echo", 4)) == 0)
    error = sock_shutdown(fd, SHUT_WRITE);
  while (error == 0 && (error = receive_in_time(fd, text + length, sizeof text - 1 - length, &got)) == 0 && got > 0)
    length += got;
  text[length] = 0;
  fd_close(fd);
  if (error != 0) snprintf(text, sizeof text, "%s at %u.%u.%u.%u: errno %d", name, ip[0], ip[1], ip[2], ip[3], error);
  return error;
}

/* Until the end of the header. */
static int read_request(int32_t fd, char *request, uint32_t size) {
  uint32_t length = 0, got = 0;
  while (length < size - 1 && receive(fd, request + length, size - 1 - length, &got) == 0 && got > 0) {
    length += got;
    request[length] = 0;
    if (strstr(request, "\r\n\r\n") != NULL) return 0;
  }
  return 1;
}

int main(int argc, char **argv) {
  static char request[4096], answer[8192];
  uint8_t any[4] = {0, 0, 0, 0};
  address_t address = {any, 4};
  int32_t listener, fd;
  if (argc < 3) return 99;
  if (sock_open(FAMILY_INET4, TYPE_STREAM, &listener) != 0) return 2;
  if (sock_bind(listener, &address, 8080) != 0 || sock_listen(listener, 128) != 0) return 3;
  puts("listening");
  fflush(stdout);
  while (sock_accept_v1(listener, &fd) == 0) {
    if (read_request(fd, request, sizeof request) == 0) {
      if (strncmp(request, "GET /exit ", 10) == 0) return 1;
      int error = ask(argv[1], atoi(argv[2]));
      snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: %lu\r\nConnection: close\r\n\r\n%s",
               error == 0 ? "200 OK" : "502 Bad Gateway", (unsigned long)strlen(text), text);
      send_text(fd, answer, strlen(answer));
    }
    fd_close(fd);
  }
  return 5;
}
