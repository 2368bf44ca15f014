/*
 * Socket functions a guest imports: those of WASI preview1 and the extensions of WasmEdge, which have two forms.
 * A name with _v1 or _v2 is that form; a module may mix them, and imports only what it calls.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#define HOST(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name))) extern int32_t

enum { FAMILY_INET4 = 1, FAMILY_INET6 = 2 };
enum { TYPE_DGRAM = 1, TYPE_STREAM = 2 };
enum { SHUT_READ = 1, SHUT_WRITE = 2, SHUT_BOTH = 3 };
enum { FLAG_NONBLOCK = 4 };
enum { RECV_PEEK = 1, RECV_WAITALL = 2 };
enum { OPTION_REUSEADDR = 0, OPTION_TYPE = 1, OPTION_ERROR = 2, OPTION_LINGER = 9 };
enum { E_AGAIN = 6, E_CONNREFUSED = 14, E_CONNRESET = 15, E_INPROGRESS = 26, E_PIPE = 64 };

/* buf_len 4: an IPv4 address. 16: IPv6. 128: u16 family, then the address. */
typedef struct {
  uint8_t *buf;
  uint32_t buf_len;
} address_t;

typedef struct {
  void *buf;
  uint32_t len;
} iov_t;

typedef struct {
  uint8_t family;
  uint32_t data_len;
  uint8_t *data;
} sockaddr_t;

typedef struct addrinfo_s {
  uint16_t flags;
  uint8_t family;
  uint8_t socktype;
  uint32_t protocol;
  uint32_t addrlen;
  sockaddr_t *addr;
  char *canonname;
  uint32_t canonname_len;
  struct addrinfo_s *next;
} addrinfo_t;

HOST("sock_open") sock_open(uint32_t family, uint32_t type, int32_t *fd);
HOST("sock_bind") sock_bind(int32_t fd, address_t *address, uint32_t port);
HOST("sock_listen") sock_listen(int32_t fd, uint32_t backlog);
HOST("sock_connect") sock_connect(int32_t fd, address_t *address, uint32_t port);
HOST("sock_accept") sock_accept_v1(int32_t fd, int32_t *accepted);
HOST("sock_accept") sock_accept_v2(int32_t fd, uint32_t flags, int32_t *accepted);
HOST("sock_recv") sock_recv(int32_t fd, iov_t *iovs, uint32_t count, uint32_t flags, uint32_t *len, uint16_t *out_flags);
HOST("sock_send") sock_send(int32_t fd, iov_t *iovs, uint32_t count, uint32_t flags, uint32_t *len);
HOST("sock_shutdown") sock_shutdown(int32_t fd, uint32_t how);
HOST("sock_getlocaladdr") sock_getlocaladdr_v1(int32_t fd, address_t *address, uint32_t *type, uint32_t *port);
HOST("sock_getlocaladdr") sock_getlocaladdr_v2(int32_t fd, address_t *address, uint32_t *port);
HOST("sock_getpeeraddr") sock_getpeeraddr_v1(int32_t fd, address_t *address, uint32_t *type, uint32_t *port);
HOST("sock_getpeeraddr") sock_getpeeraddr_v2(int32_t fd, address_t *address, uint32_t *port);
HOST("sock_getsockopt") sock_getsockopt(int32_t fd, int32_t level, int32_t name, void *value, uint32_t *len);
HOST("sock_setsockopt") sock_setsockopt(int32_t fd, int32_t level, int32_t name, void *value, uint32_t len);
HOST("sock_recv_from")
sock_recv_from_v2(int32_t fd, iov_t *iovs, uint32_t count, address_t *address, uint32_t flags, uint32_t *port,
                  uint32_t *len, uint32_t *out_flags);
HOST("sock_send_to")
sock_send_to(int32_t fd, iov_t *iovs, uint32_t count, address_t *address, uint32_t port, uint32_t flags, uint32_t *len);
HOST("sock_getaddrinfo")
sock_getaddrinfo(const char *node, uint32_t node_len, const char *service, uint32_t service_len, addrinfo_t *hints,
                 addrinfo_t **result, uint32_t limit, uint32_t *count);
HOST("fd_fdstat_set_flags") fd_flags(int32_t fd, uint32_t flags);
HOST("fd_close") fd_close(int32_t fd);

static inline int32_t send_text(int32_t fd, const char *text, uint32_t length) {
  while (length > 0) {
    iov_t part = {(void *)text, length};
    uint32_t sent = 0;
    int32_t error = sock_send(fd, &part, 1, 0, &sent);
    if (error != 0) return error;
    text += sent;
    length -= sent;
  }
  return 0;
}

static inline int32_t receive(int32_t fd, void *buffer, uint32_t size, uint32_t *length) {
  iov_t part = {buffer, size};
  uint16_t flags;
  return sock_recv(fd, &part, 1, 0, length, &flags);
}

/* The first address of a name; 0 when there is one. */
static inline int32_t resolve(const char *name, uint8_t ip[4]) {
  uint8_t data[26];
  sockaddr_t sockaddr = {0, sizeof data, data};
  addrinfo_t info = {0};
  info.addr = &sockaddr;
  addrinfo_t *result = &info;
  addrinfo_t hints = {0};
  hints.family = FAMILY_INET4;
  hints.socktype = TYPE_STREAM;
  uint32_t count = 0;
  int32_t error = sock_getaddrinfo(name, strlen(name), "", 0, &hints, &result, 1, &count);
  if (error != 0) return error;
  if (count == 0) return -1;
  memcpy(ip, data + 2, 4);
  return 0;
}
