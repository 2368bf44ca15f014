/*
 * client NAME PORT [TEXT...]: resolves, connects, sends each text on a line of its own, ends its side and prints what
 * comes back. `-` for NAME: on the connection that is open already, on descriptor PORT. Exit status: 0, or the errno of what failed. With NONBLOCK=1 it connects without blocking and polls.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sockets.h"
#include <wasi/api.h>

static int connect_polling(int fd, address_t *address, int port) {
  __wasi_subscription_t wanted = {0};
  __wasi_event_t event;
  __wasi_size_t happened = 0;
  uint32_t error = 0, size = sizeof error;
  fd_flags(fd, FLAG_NONBLOCK);
  int result = sock_connect(fd, address, port);
  printf("connect: errno %d\n", result);
  if (result != E_INPROGRESS) return result;
  wanted.u.tag = __WASI_EVENTTYPE_FD_WRITE;
  wanted.u.u.fd_write.file_descriptor = fd;
  if (__wasi_poll_oneoff(&wanted, &event, 1, &happened) != 0) return 1;
  if (sock_getsockopt(fd, 0, OPTION_ERROR, &error, &size) != 0) return 2;
  fd_flags(fd, 0);
  return (int)error;
}

static int talk(int32_t fd, int count, char **texts) {
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) {
    error = send_text(fd, texts[i], strlen(texts[i]));
    if (error == 0) error = send_text(fd, "\n", 1);
  }
  if (error == 0) error = sock_shutdown(fd, SHUT_WRITE);
  static char buffer[4096];
  uint32_t got = 0;
  while (error == 0 && (error = receive(fd, buffer, sizeof buffer, &got)) == 0 && got > 0)
    fwrite(buffer, 1, got, stdout);
  if (error != 0) printf("errno %d\n", error);
  return error;
}

int main(int argc, char **argv) {
  if (argc < 3) return 99;
  if (strcmp(argv[1], "-") == 0) {
    const char *told = getenv("WCOMPOSE_CONNECT_FDS");
    printf("told %s\n", told == NULL ? "nothing" : told);
    return talk(atoi(argv[2]), argc - 3, argv + 3);
  }
  uint8_t ip[4];
  address_t address = {ip, 4};
  int32_t fd;
  int error = resolve(argv[1], ip);
  if (error != 0) {
    printf("%s: errno %d\n", argv[1], error);
    return error;
  }
  printf("%s is %u.%u.%u.%u\n", argv[1], ip[0], ip[1], ip[2], ip[3]);
  if (sock_open(FAMILY_INET4, TYPE_STREAM, &fd) != 0) return 98;
  int port = atoi(argv[2]);
  error = getenv("NONBLOCK") != NULL ? connect_polling(fd, &address, port) : sock_connect(fd, &address, port);
  if (error != 0) {
    printf("cannot connect: errno %d\n", error);
    return error;
  }
  return talk(fd, argc - 3, argv + 3);
}
