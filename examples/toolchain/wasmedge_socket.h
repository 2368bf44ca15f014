/*
 * The socket functions WASI preview1 has no name for, as WasmEdge defines them. Each returns 0 or a WASI errno.
 * Accepting, reading, writing and closing are WASI's own: accept(), recv(), send(), close() of the C library.
 */
#pragma once
#include <stdint.h>

#define WASMEDGE(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

enum { WASMEDGE_INET4 = 1, WASMEDGE_STREAM = 2 };

/* 4 bytes are an IPv4 address. Ports are plain numbers beside it. */
struct wasmedge_address {
  uint8_t *bytes;
  uint32_t size;
};

/* data: port (2 bytes, big endian), then the IPv4 address (4 bytes). */
struct wasmedge_sockaddr {
  uint8_t family;
  uint32_t data_size;
  uint8_t *data;
};

struct wasmedge_addrinfo {
  uint16_t flags;
  uint8_t family;
  uint8_t type;
  uint32_t protocol;
  uint32_t address_size;
  struct wasmedge_sockaddr *address;
  char *canonical_name;
  uint32_t canonical_name_size;
  struct wasmedge_addrinfo *next;
};

WASMEDGE("sock_open") int32_t wasmedge_open(int32_t family, int32_t type, int32_t *fd);
WASMEDGE("sock_bind") int32_t wasmedge_bind(int32_t fd, struct wasmedge_address *address, int32_t port);
WASMEDGE("sock_listen") int32_t wasmedge_listen(int32_t fd, int32_t backlog);
WASMEDGE("sock_connect") int32_t wasmedge_connect(int32_t fd, struct wasmedge_address *address, int32_t port);

/* Fills the list that *results points to, at most `capacity` entries; *count says how many. */
WASMEDGE("sock_getaddrinfo")
int32_t wasmedge_getaddrinfo(const char *node, uint32_t node_size, const char *service, uint32_t service_size,
                             const struct wasmedge_addrinfo *hints, struct wasmedge_addrinfo **results,
                             uint32_t capacity, uint32_t *count);
