/*
 * The socket functions of WAMR: resolves a name, connects, asks over TCP, and tells who is at both ends.
 *
 *   wamr HOST PORT TEXT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name))) extern int32_t

typedef struct {
  uint32_t kind;
  union {
    struct {
      uint8_t n[4];
      uint16_t port;
    } ip4;
    struct {
      uint16_t n[8];
      uint16_t port;
    } ip6;
  } addr;
} addr_t;

typedef struct {
  addr_t addr;
  uint32_t type;
} addr_info_t;

typedef struct {
  uint32_t type, family;
  uint8_t enabled;
} hints_t;

typedef struct {
  const void *buf;
  uint32_t len;
} iov_t;

HOST("sock_open") sock_open(int32_t pool, uint32_t family, uint32_t type, int32_t *fd);
HOST("sock_connect") sock_connect(int32_t fd, addr_t *address);
HOST("sock_addr_resolve")
sock_addr_resolve(const char *host, const char *service, hints_t *hints, addr_info_t *infos, uint32_t room, uint32_t *count);
HOST("sock_addr_local") sock_addr_local(int32_t fd, addr_t *address);
HOST("sock_addr_remote") sock_addr_remote(int32_t fd, addr_t *address);
HOST("sock_send") sock_send(int32_t fd, iov_t *iovs, uint32_t count, uint32_t flags, uint32_t *len);
HOST("sock_recv") sock_recv(int32_t fd, iov_t *iovs, uint32_t count, uint32_t flags, uint32_t *len, uint16_t *out);
HOST("sock_close") sock_close(int32_t fd);

static int fail(const char *what, int32_t error) {
  printf("%s: errno %d\n", what, (int)error);
  return 1;
}

static void show(const char *what, addr_t *a) {
  printf("%s %u.%u.%u.%u\n", what, a->addr.ip4.n[0], a->addr.ip4.n[1], a->addr.ip4.n[2], a->addr.ip4.n[3]);
}

int main(int argc, char **argv) {
  if (argc != 4) return 9;
  hints_t hints = {1, 0, 1};
  addr_info_t infos[4];
  uint32_t count = 0;
  int32_t error = sock_addr_resolve(argv[1], "", &hints, infos, 4, &count);
  if (error != 0) return fail("resolve", error);
  show("resolved", &infos[0].addr);
  infos[0].addr.addr.ip4.port = atoi(argv[2]);
  int32_t fd = -1;
  if ((error = sock_open(-1, 0, 1, &fd)) != 0) return fail("open", error);
  if ((error = sock_connect(fd, &infos[0].addr)) != 0) return fail("connect", error);
  addr_t end;
  if ((error = sock_addr_local(fd, &end)) != 0) return fail("local", error);
  show("from", &end);
  if ((error = sock_addr_remote(fd, &end)) != 0) return fail("remote", error);
  printf("to port %u\n", end.addr.ip4.port);
  iov_t part = {argv[3], strlen(argv[3])};
  uint32_t length = 0;
  uint16_t flags = 0;
  if ((error = sock_send(fd, &part, 1, 0, &length)) != 0) return fail("send", error);
  static char answer[256];
  part = (iov_t){answer, sizeof answer};
  if ((error = sock_recv(fd, &part, 1, 0, &length, &flags)) != 0) return fail("recv", error);
  printf("answer: %.*s\n", (int)length, answer);
  return sock_close(fd);
}
