/*
 * UDP, and the two ways in which programs that bring their own resolver ask for a name.
 *
 *   echo PORT            sends back what comes, with its sender before it; ends at "quit"
 *   ask HOST PORT TEXT   sends a text and prints the answer; connected, and not blocking, when CONNECTED is set
 *   dns-udp NAME         asks 127.0.0.11 over UDP
 *   dns-tcp NAME         asks $DNS_SERVER over TCP
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sockets.h"

static uint8_t packet[65536];

static int fail(const char *what, int32_t error) {
  printf("%s: errno %d\n", what, (int)error);
  return 1;
}

static int32_t recv_from(int32_t fd, uint32_t size, uint32_t *length, uint8_t ip[4], uint32_t *port) {
  uint8_t storage[128] = {0};
  address_t from = {storage, sizeof storage};
  iov_t part = {packet, size};
  uint32_t flags = 0;
  int32_t error = sock_recv_from_v2(fd, &part, 1, &from, 0, port, length, &flags);
  memcpy(ip, storage + 2, 4);
  return error;
}

static int32_t send_to_ip(int32_t fd, const void *data, uint32_t length, uint8_t ip[4], uint32_t port) {
  address_t to = {ip, 4};
  iov_t part = {(void *)data, length};
  uint32_t sent = 0;
  return sock_send_to(fd, &part, 1, &to, port, 0, &sent);
}

static int echo(uint32_t port) {
  int32_t fd = -1;
  int32_t error = sock_open(FAMILY_INET4, TYPE_DGRAM, &fd);
  if (error != 0) return fail("open", error);
  uint8_t any[4] = {0};
  address_t address = {any, 4};
  if ((error = sock_bind(fd, &address, port)) != 0) return fail("bind", error);
  printf("bound to %u\n", port);
  for (;;) {
    uint32_t length = 0, from = 0;
    uint8_t ip[4];
    if ((error = recv_from(fd, sizeof packet, &length, ip, &from)) != 0) return fail("recv_from", error);
    if (length == 4 && memcmp(packet, "quit", 4) == 0) return 0;
    char answer[512];
    int size = snprintf(answer, sizeof answer, "%d.%d.%d.%d said %.*s", ip[0], ip[1], ip[2], ip[3], (int)length, packet);
    if ((error = send_to_ip(fd, answer, size, ip, from)) != 0) return fail("send_to", error);
  }
}

static int ask(const char *host, uint32_t port, const char *text) {
  uint8_t ip[4];
  int32_t fd = -1;
  int32_t error = resolve(host, ip);
  if (error != 0) return fail("resolve", error);
  if ((error = sock_open(FAMILY_INET4, TYPE_DGRAM, &fd)) != 0) return fail("open", error);
  uint32_t length = 0, from = 0;
  if (getenv("CONNECTED") != NULL) {
    address_t peer = {ip, 4};
    if ((error = sock_connect(fd, &peer, port)) != 0) return fail("connect", error);
    if ((error = send_text(fd, text, strlen(text))) != 0) return fail("send", error);
    if ((error = receive(fd, packet, sizeof packet, &length)) != 0) return fail("recv", error);
  } else {
    if ((error = send_to_ip(fd, text, strlen(text), ip, port)) != 0) return fail("send_to", error);
    if ((error = recv_from(fd, sizeof packet, &length, ip, &from)) != 0) return fail("recv_from", error);
  }
  printf("answer: %.*s\n", (int)length, packet);
  return 0;
}

/* Header, one question for an A record; returns its size. */
static uint32_t query(uint8_t *out, const char *name) {
  static const uint8_t HEADER[12] = {0x12, 0x34, 1, 0, 0, 1};
  memcpy(out, HEADER, 12);
  uint32_t at = 12;
  while (*name != '\0') {
    const char *dot = strchr(name, '.');
    size_t size = dot == NULL ? strlen(name) : (size_t)(dot - name);
    out[at++] = size;
    memcpy(out + at, name, size);
    at += size;
    name += size + (dot == NULL ? 0 : 1);
  }
  static const uint8_t TAIL[5] = {0, 0, 1, 0, 1};
  memcpy(out + at, TAIL, 5);
  return at + 5;
}

static int show(const uint8_t *answer, uint32_t length) {
  if (length < 16 || answer[7] == 0) {
    printf("no such name: rcode %d\n", answer[3] & 15);
    return 2;
  }
  const uint8_t *ip = answer + length - 4;
  printf("address: %d.%d.%d.%d\n", ip[0], ip[1], ip[2], ip[3]);
  return 0;
}

static int dns_udp(const char *name) {
  uint8_t server[4] = {127, 0, 0, 11}, from[4];
  uint8_t question[300];
  uint32_t length = 0, port = 0;
  int32_t fd = -1;
  int32_t error = sock_open(FAMILY_INET4, TYPE_DGRAM, &fd);
  if (error != 0) return fail("open", error);
  if ((error = send_to_ip(fd, question, query(question, name), server, 53)) != 0) return fail("send_to", error);
  if ((error = recv_from(fd, 512, &length, from, &port)) != 0) return fail("recv_from", error);
  return show(packet, length);
}

static int dns_tcp(const char *name) {
  uint8_t server[4];
  unsigned port = 53;
  const char *where = getenv("DNS_SERVER");
  if (where == NULL ||
      sscanf(where, "%hhu.%hhu.%hhu.%hhu:%u", server, server + 1, server + 2, server + 3, &port) != 5) {
    puts("no DNS_SERVER");
    return 1;
  }
  uint8_t question[300];
  uint32_t size = query(question + 2, name), length = 0;
  question[0] = size >> 8;
  question[1] = size & 255;
  int32_t fd = -1;
  int32_t error = sock_open(FAMILY_INET4, TYPE_STREAM, &fd);
  if (error != 0) return fail("open", error);
  address_t peer = {server, 4};
  if ((error = sock_connect(fd, &peer, port)) != 0) return fail("connect", error);
  if ((error = send_text(fd, (char *)question, size + 2)) != 0) return fail("send", error);
  /* As the resolver of WasmEdge's crate: two bytes, then all the rest at once. */
  if ((error = receive(fd, packet, 2, &length)) != 0) return fail("recv", error);
  uint32_t whole = packet[0] << 8 | packet[1];
  if ((error = receive(fd, packet, whole, &length)) != 0) return fail("recv", error);
  if (length != whole) return fail("short answer", length);
  return show(packet, length);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "echo") == 0 && argc == 3) return echo(atoi(argv[2]));
  if (strcmp(what, "ask") == 0 && argc == 5) return ask(argv[2], atoi(argv[3]), argv[4]);
  if (strcmp(what, "dns-udp") == 0 && argc == 3) return dns_udp(argv[2]);
  if (strcmp(what, "dns-tcp") == 0 && argc == 3) return dns_tcp(argv[2]);
  printf("not understood: %s\n", what);
  return 9;
}
