/*
 * Threads of wasi-threads, without a C library: the compiler of the tests brings none that has threads. The argument
 * says what they do.
 */
#include <stdint.h>

#include "sockets.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
WASI("args_sizes_get") int args_sizes_get(uint32_t *count, uint32_t *size);
WASI("args_get") int args_get(char **argv, char *buffer);
WASI("proc_exit") _Noreturn void proc_exit(int code);
WASI("fd_write") int fd_write(int fd, const iov_t *parts, uint32_t count, uint32_t *written);
WASI("fd_read") int fd_read(int fd, const iov_t *parts, uint32_t count, uint32_t *got);
WASI("path_open")
int path_open(int dir, uint32_t lookup, const char *path, uint32_t length, uint32_t oflags, uint64_t rights,
              uint64_t inheriting, uint32_t fdflags, int32_t *fd);
WASI("clock_time_get") int clock_time_get(uint32_t id, uint64_t precision, uint64_t *time);
WASI("poll_oneoff") int poll_oneoff(const void *in, void *out, uint32_t count, uint32_t *events);
__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *argument);

enum { THREADS = 4, ROUNDS = 500, STACK = 16384 };
enum { OPEN_CREATE = 1, APPEND = 1 };

typedef struct {
  char *stack;
  void (*run)(int);
  int number;
} thread_t;

static thread_t threads[128];
static _Alignas(16) char stacks[THREADS][STACK];
static int running, mutex, counter, port, failed;

static void wait_while(int *cell, int value) { __builtin_wasm_memory_atomic_wait32(cell, value, -1); }
static void wake(int *cell) { __builtin_wasm_memory_atomic_notify(cell, ~0u); }

static void lock(void) {
  int free = 0;
  while (!__atomic_compare_exchange_n(&mutex, &free, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    wait_while(&mutex, 1);
    free = 0;
  }
}

static void unlock(void) {
  __atomic_store_n(&mutex, 0, __ATOMIC_SEQ_CST);
  wake(&mutex);
}

/* Called by wasi_thread_start below, when the thread has its stack. */
__attribute__((used)) void thread_main(int id, thread_t *thread) {
  if (id <= 0) failed = 1;
  thread->run(thread->number);
  __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
  wake(&running);
}

__asm__(".globaltype __stack_pointer, i32\n"
        ".functype thread_main (i32, i32) -> ()\n"
        ".globl wasi_thread_start\n"
        ".type wasi_thread_start,@function\n"
        "wasi_thread_start:\n"
        ".functype wasi_thread_start (i32, i32) -> ()\n"
        "local.get 1\n"
        "i32.load 0\n"
        "global.set __stack_pointer\n"
        "local.get 0\n"
        "local.get 1\n"
        "call thread_main\n"
        "end_function\n");

static int start(void (*run)(int), int number, char *stack) {
  thread_t *thread = &threads[number];
  *thread = (thread_t){stack + STACK, run, number};
  __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
  int id = thread_spawn(thread);
  if (id < 0) __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
  return id;
}

/* Sits in an atomic wait, in which no host function is called. */
static void join(void) {
  for (int left; (left = __atomic_load_n(&running, __ATOMIC_SEQ_CST)) > 0;) wait_while(&running, left);
}

static void print(int fd, const char *text, int number) {
  char line[64];
  uint32_t length = 0, written;
  while (text[length] != 0) {
    line[length] = text[length];
    length++;
  }
  char digits[12];
  int count = 0;
  do digits[count++] = '0' + number % 10;
  while ((number /= 10) > 0);
  while (count > 0) line[length++] = digits[--count];
  line[length++] = '\n';
  iov_t part = {line, length};
  fd_write(fd, &part, 1, &written);
}

static int open_in(const char *path, uint32_t length) {
  int32_t fd;
  /* 3 is the root. */
  int error = path_open(3, 0, path, length, OPEN_CREATE, 0x1fffffff, 0, APPEND, &fd);
  return error == 0 ? fd : -error;
}

static void count_up(int number) {
  int fd = open_in("data/lines", 10);
  uint64_t before = 0, after = 0;
  clock_time_get(1, 1, &before);
  for (int i = 0; i < ROUNDS; i++) {
    lock();
    counter++;
    unlock();
    if (i % 50 == 0) print(fd, "thread ", number);
  }
  clock_time_get(1, 1, &after);
  if (fd < 0 || after <= before) failed = 1;
  fd_close(fd);
}

static void answer(int number) {
  static char buffers[THREADS][65536];
  uint8_t ip[4] = {0, 0, 0, 0};
  int32_t fd;
  int listener = port;
  (void)ip;
  while (sock_accept_v2(listener, 0, &fd) == 0) {
    uint32_t got = 0;
    while (receive(fd, buffers[number], sizeof buffers[number], &got) == 0 && got > 0)
      if (send_text(fd, buffers[number], got) != 0) break;
    fd_close(fd);
    lock();
    counter++;
    unlock();
  }
}

static void trap(int number) {
  if (number == 0) __builtin_trap();
  wait_while(&port, 0);
}

static void leave(int number) {
  if (number == 0) proc_exit(7);
  wait_while(&port, 0);
}

static void wait_for_ever(int number) { wait_while(&port, 0); }

static void spin(int number) {
  for (volatile int i = 0;; i++) {}
}

/* One thread makes the memory larger, the next writes from what is new. */
static void grow(int number) {
  static char *end;
  if (number == 0) {
    end = (char *)(__builtin_wasm_memory_grow(0, 16) << 16);
    end[7] = '!';
    end[8] = '\n';
    __atomic_store_n(&port, 1, __ATOMIC_SEQ_CST);
    wake(&port);
    return;
  }
  wait_while(&port, 0);
  uint32_t written;
  iov_t part = {end + 7, 2};
  if (number == 1 && fd_write(1, &part, 1, &written) != 0) failed = 1;
}

static void listen_on(int number) {
  uint8_t ip[4] = {0, 0, 0, 0};
  address_t address = {ip, 4};
  int32_t fd = -1;
  if (sock_open(FAMILY_INET4, TYPE_STREAM, &fd) != 0 || sock_bind(fd, &address, number) != 0 ||
      sock_listen(fd, 128) != 0)
    proc_exit(3);
  port = fd;
}

static void start_all(void (*run)(int)) {
  for (int i = 0; i < THREADS; i++)
    if (start(run, i, stacks[i]) < 0) proc_exit(4);
}

void _start(void) {
  static char buffer[256], *argv[8];
  uint32_t argc, size, written;
  if (args_sizes_get(&argc, &size) != 0 || argc < 2 || argc > 8 || size > sizeof buffer) proc_exit(2);
  args_get(argv, buffer);
  switch (argv[1][0]) {
    case 'c': /* count */
      start_all(count_up);
      join();
      print(1, "counted ", counter);
      break;
    case 'a': /* answer */
      listen_on(8080);
      start_all(answer);
      break;
    case 't': /* trap */
      start_all(trap);
      break;
    case 'l': /* leave */
      start_all(leave);
      break;
    case 's': /* spin */
      start_all(spin);
      print(1, "spinning ", 1);
      break;
    case 'g': /* grow */
      start_all(grow);
      break;
    case 'm': { /* many; they never need their stacks */
      int count = 0;
      while (start(wait_for_ever, count, stacks[0]) > 0) count++;
      print(1, "threads ", count);
      proc_exit(0);
    }
    case 'r': /* return, with threads that run */
      start_all(spin);
      (void)written;
      return;
    case 'o': /* one after the other */
      for (int i = 0; i < 40; i++) {
        if (start(count_up, 0, stacks[0]) < 0) proc_exit(4);
        join();
      }
      print(1, "counted ", counter);
      break;
    default:
      proc_exit(2);
  }
  join();
  if (failed) proc_exit(5);
}
