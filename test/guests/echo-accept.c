/*
 * An echo server that blocks in accept, recv and send, one connection at a time.
 * echo-accept: on a listener it was given, whose descriptor is the argument. With -DWASMEDGE_V1 it binds the port of
 * the argument itself, with the first form of WasmEdge's functions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sockets.h"

static void echo(int fd) {
  static char buffer[65536];
  uint32_t got = 0;
  while (receive(fd, buffer, sizeof buffer, &got) == 0 && got > 0)
    if (send_text(fd, buffer, got) != 0) break;
  fd_close(fd);
}

#ifdef WASMEDGE_V1
static void print_peer(int fd) {
  uint8_t ip[16];
  address_t address = {ip, sizeof ip};
  uint32_t type = 0, port = 0;
  int error = sock_getpeeraddr_v1(fd, &address, &type, &port);
  if (error != 0) printf("no peer: errno %d\n", error);
  else printf("peer %u.%u.%u.%u type %u\n", ip[0], ip[1], ip[2], ip[3], type);
  fflush(stdout);
}

int main(int argc, char **argv) {
  uint8_t ip[4] = {0, 0, 0, 0}, bound[16];
  address_t address = {ip, 4}, local = {bound, sizeof bound};
  uint32_t type = 0, port = 0;
  int32_t listener, fd;
  if (sock_open(FAMILY_INET4, TYPE_STREAM, &listener) != 0) return 1;
  if (sock_bind(listener, &address, argc > 1 ? atoi(argv[1]) : 7) != 0) return 2;
  if (sock_listen(listener, 128) != 0) return 3;
  if (sock_getlocaladdr_v1(listener, &local, &type, &port) != 0) return 4;
  printf("listening on %u type %u\n", port, type);
  fflush(stdout);
  while (sock_accept_v1(listener, &fd) == 0) {
    print_peer(fd);
    echo(fd);
  }
  return 5;
}
#else
int main(int argc, char **argv) {
  const char *given = getenv("LISTEN_FDS");
  int listener = argc > 1 ? atoi(argv[1]) : 4;
  int32_t fd;
  int error;
  printf("accepting on descriptor %d of %s\n", listener, given == NULL ? "none" : given);
  fflush(stdout);
  while ((error = sock_accept_v2(listener, 0, &fd)) == 0) echo(fd);
  printf("accept: errno %d\n", error);
  return 1;
}
#endif
