/*
 * wcompose-relay: stands for one Wasm instance on its Docker networks.
 *
 * It runs as PID 1 of a tiny container that carries the service's names. TCP connections to it are handed to the
 * worker that runs the guest, through unix sockets in a directory that both see:
 *
 *     container -- TCP --> relay -- unix socket DIR/<port> --> worker
 *
 * On each unix connection the relay first writes one line, "<peer address> <peer port>\n", then the bytes go both
 * ways untouched. It listens exactly while the service listens, so a client of a stopped service is refused by the
 * kernel, as it would be by a container.
 *
 *   relay run DIR     serve; the control channel is stdin and stdout
 *   relay rm PATH     remove what is in the directory PATH; follows no symbolic link, leaves no file system
 *   relay --version
 *
 * Control channel: frames of a 12 byte header (type, id, payload length; 32 bit little endian each) and a payload.
 * Both sides begin with HELLO, whose payload is the magic "WCRELAY" 0 and the protocol version (32 bit). Whatever
 * is no HELLO ends the relay: something else writes to its stdin. Requests carry an id of the host's choice; the
 * answer, OK or ERR, carries the same. The end of stdin ends the relay: nobody needs it any longer.
 *
 *   type         from    payload              answer
 *   1 HELLO      both    magic, version
 *   2 LISTEN     host    "<address> <port>"   OK or ERR   address "*": every address, IPv4 and IPv6
 *   3 UNLISTEN   host    "<address> <port>"   OK or ERR   connections that are open stay open
 *   4 OK         relay
 *   5 ERR        relay   errno name
 *   16 and up    reserved for streams that travel over the control channel itself
 *
 * How connections end. A half-close is passed on in both directions. A service that closes with unread input, that
 * does not accept, or that was closed while its client still sends, gives the client a TCP reset. Lost, because a
 * unix socket has no reset: a client's reset reaches the service as an end of input (writing then gives EPIPE), and
 * a service cannot reset a client whose data it has read completely; the client sees an orderly end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PROTOCOL_VERSION 1u
#define MAGIC "WCRELAY" /* with its zero byte: 8 bytes */

enum { HELLO = 1, LISTEN = 2, UNLISTEN = 3, OK = 4, ERR = 5 };
enum { HEADER = 12, MAX_PAYLOAD = 1024 };
enum { CHUNK = 65536, TURNS = 16, ACCEPTS = 64, BACKLOG = 4096, SPARE_PIPES = 64, RETRY_MS = 5, EVENTS = 256 };

/* Two sockets and, while both directions wait for slow receivers, two pipes of two ends each. */
enum { FILES_PER_CONNECTION = 6, FILES_FOR_THE_REST = 256 };

static const char *socket_dir;

static void die(const char *what, int error) {
    fprintf(stderr, "relay: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(error ? 1 : 2);
}

/* ---- What the event loop waits for ---- */

enum kind { CONTROL, LISTENER, END };

struct watch {
    enum kind kind;
    int fd;
    bool added;
    uint32_t events;
};

static int epoll_fd;

/* False when the kernel has no room to watch one more (ENOMEM, ENOSPC). */
static bool watch(struct watch *w, uint32_t events) {
    if (w->added && w->events == events) return true;
    struct epoll_event event = {.events = events, .data.ptr = w};
    if (epoll_ctl(epoll_fd, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &event)) return false;
    w->added = true;
    w->events = events;
    return true;
}

static void unwatch(struct watch *w) {
    if (w->added) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->added = false;
}

/* ---- Pipes: splice needs one between two sockets; a flow keeps one only while its receiver is slow ---- */

static int spare_pipes[SPARE_PIPES][2];
static int spare_count;

static bool take_pipe(int pipe[2]) {
    if (spare_count == 0) return pipe2(pipe, O_NONBLOCK | O_CLOEXEC) == 0;
    memcpy(pipe, spare_pipes[--spare_count], sizeof spare_pipes[0]);
    return true;
}

static void give_pipe(int pipe[2], bool empty) {
    if (pipe[0] < 0) return;
    if (empty && spare_count < SPARE_PIPES) {
        memcpy(spare_pipes[spare_count++], pipe, sizeof spare_pipes[0]);
    } else {
        close(pipe[0]);
        close(pipe[1]);
    }
    pipe[0] = pipe[1] = -1;
}

/* ---- Connections: two ends, and a flow of bytes out of each end into the other ---- */

enum { CLIENT = 0, SERVICE = 1 };

struct end {
    struct watch watch; /* first: an event's pointer is the end's */
    struct connection *connection;
    bool hung_up; /* both directions are shut: reads never wait, and epoll would report it for ever */
};

struct flow {
    int pipe[2];
    size_t held;  /* bytes in the pipe */
    bool ended;   /* the sender's end of input was read */
    bool closed;  /* ... and was passed on to the receiver */
    bool broken;  /* the receiver takes no more */
};

struct connection {
    struct end end[2];
    struct flow flow[2]; /* flow[i] goes from end[i] to end[1 - i] */
    bool failed;         /* reading from an end gave an error: the connection was reset */
    bool dead;
    struct connection *next_dead;
};

/* Freed after the batch of events, which may still name them. */
static struct connection *dead_connections;

/* So many that each can always have its pipes: a connection that was accepted is not lost for want of one. */
static size_t open_connections, max_connections;

static void reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void close_connection(struct connection *c, bool reset) {
    if (reset) reset_on_close(c->end[CLIENT].watch.fd);
    for (int i = 0; i < 2; i++) {
        close(c->end[i].watch.fd);
        give_pipe(c->flow[i].pipe, c->flow[i].held == 0);
    }
    c->dead = true;
    open_connections--;
    c->next_dead = dead_connections;
    dead_connections = c;
}

static void free_dead_connections(void) {
    while (dead_connections) {
        struct connection *next = dead_connections->next_dead;
        free(dead_connections);
        dead_connections = next;
    }
}

/* True when bytes were taken from the sender. */
static bool flow_read(struct connection *c, int i) {
    struct flow *f = &c->flow[i];
    if (f->pipe[0] < 0 && !take_pipe(f->pipe)) return c->failed = true, false;
    ssize_t n = splice(c->end[i].watch.fd, NULL, f->pipe[1], NULL, CHUNK, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n > 0) return f->held = (size_t)n, true;
    if (n == 0) f->ended = true;
    else if (errno != EAGAIN || c->end[i].hung_up) c->failed = true;
    give_pipe(f->pipe, true);
    return false;
}

/* True when the receiver took everything that was held. */
static bool flow_write(struct connection *c, int i) {
    struct flow *f = &c->flow[i];
    while (f->held > 0) {
        ssize_t n = splice(f->pipe[0], NULL, c->end[1 - i].watch.fd, NULL, f->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) return f->broken = true, false;
        f->held -= (size_t)n;
    }
    return true;
}

/*
 * Moves bytes until the sender has none or the receiver takes none. It reads only when the pipe is empty: a pipe
 * can be full of small pieces, and then a readable sender would keep the loop spinning.
 */
static void run_flow(struct connection *c, int i) {
    struct flow *f = &c->flow[i];
    for (int turn = 0; turn < TURNS || c->end[i].hung_up; turn++) {
        if (!flow_write(c, i) || f->ended || f->broken || !flow_read(c, i)) break;
    }
    if (f->held == 0) give_pipe(f->pipe, true);
    if (f->ended && f->held == 0 && !f->closed && !f->broken) {
        shutdown(c->end[1 - i].watch.fd, SHUT_WR);
        f->closed = true;
    }
}

static bool flow_done(const struct flow *f) { return f->closed || f->broken; }

/* Closes a connection on which nothing more can happen; otherwise says what to wait for. */
static void settle(struct connection *c) {
    struct flow *f = c->flow;
    bool undelivered = f[0].broken || f[1].broken || f[0].held > 0 || f[1].held > 0;
    if (c->failed) return close_connection(c, true);
    if (flow_done(&f[0]) && flow_done(&f[1])) return close_connection(c, undelivered);
    for (int i = 0; i < 2; i++)
        if (c->end[i].hung_up && flow_done(&f[i])) return close_connection(c, undelivered);
    for (int i = 0; i < 2; i++) {
        if (c->end[i].hung_up) continue;
        bool readable = !f[i].ended && !f[i].broken && f[i].held == 0;
        bool writable = f[1 - i].held > 0 && !f[1 - i].broken;
        if (!watch(&c->end[i].watch, (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u)))
            return close_connection(c, true);
    }
}

static void on_end(struct end *end, uint32_t events) {
    struct connection *c = end->connection;
    if (c->dead) return;
    int i = (int)(end - c->end);
    if (events & (EPOLLHUP | EPOLLERR)) {
        end->hung_up = true;
        unwatch(&end->watch);
    }
    if (events & ~(uint32_t)EPOLLOUT) run_flow(c, i);
    if (events & EPOLLOUT) run_flow(c, 1 - i);
    settle(c);
}

static bool add_connection(int client, int service) {
    struct connection *c = calloc(1, sizeof *c);
    if (!c) return false;
    int fds[2] = {client, service};
    for (int i = 0; i < 2; i++) {
        c->end[i].watch = (struct watch){.kind = END, .fd = fds[i]};
        c->end[i].connection = c;
        c->flow[i].pipe[0] = c->flow[i].pipe[1] = -1;
    }
    open_connections++;
    settle(c);
    return true;
}

/* ---- Listeners ---- */

struct listener {
    struct watch watch;
    char name[64]; /* "<address> <port>" as the host wrote it */
    int port;
    int waiting; /* a client accepted while the service's own queue was full; -1: none */
    bool paused;
    struct listener *next;
};

static struct listener *listeners;

/* Freed after the batch of events, as connections are. */
static struct listener *dead_listeners;

/* "<peer address> <peer port>\n"; an IPv4 peer of an IPv6 socket is written as IPv4. 0: the peer is gone. */
static int hello_line(int client, char *line, size_t size) {
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "";
    if (getpeername(client, (struct sockaddr *)&peer, &length)) return 0;
    if (peer.ss_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        return snprintf(line, size, "%s %d\n", text, ntohs(v4->sin_port));
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
    else inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return snprintf(line, size, "%s %d\n", text, ntohs(v6->sin6_port));
}

/* A descriptor, or -1 with errno; EAGAIN: the service's queue is full, which poll cannot wait for. */
static int connect_service(int port, int client) {
    char line[80];
    int length = hello_line(client, line, sizeof line);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/%d", socket_dir, port);
    if (length == 0 || size >= (int)sizeof address.sun_path) return errno = ECONNABORTED, -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    errno = ECONNABORTED; /* what a write that is cut short is taken for */
    if (!connect(fd, (struct sockaddr *)&address, sizeof address) && write(fd, line, (size_t)length) == length) return fd;
    int error = errno;
    close(fd);
    return errno = error, -1;
}

/* Stops accepting for RETRY_MS; meanwhile the kernel's queue holds the clients. */
static void pause_listener(struct listener *l, int waiting) {
    l->waiting = waiting;
    l->paused = true;
    unwatch(&l->watch);
}

static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN;
}

static void on_listener(struct listener *l) {
    for (int n = 0; n < ACCEPTS; n++) {
        if (open_connections >= max_connections) return pause_listener(l, l->waiting);
        int client = l->waiting >= 0 ? l->waiting : accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        l->waiting = -1;
        if (client < 0 && errno == EAGAIN) break;
        if (client < 0 && is_shortage(errno)) return pause_listener(l, -1);
        if (client < 0) continue; /* the client gave up before it was accepted */
        int service = connect_service(l->port, client);
        if (service < 0 && is_shortage(errno)) return pause_listener(l, client);
        if (service < 0 || !add_connection(client, service)) {
            reset_on_close(client);
            close(client);
            if (service >= 0) close(service);
        }
    }
    l->paused = !watch(&l->watch, EPOLLIN);
}

/* Options that accepted sockets inherit. */
static void set_tcp_options(int fd) {
    int on = 1, idle = 60;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* A listening descriptor, or -1 with errno. Every address: IPv6 takes IPv4 too, where the kernel has IPv6. */
static int listen_on(const char *address, int port) {
    bool every = strcmp(address, "*") == 0;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    bool is_v6 = every || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1) return errno = EINVAL, -1;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && every && errno == EAFNOSUPPORT) {
        is_v6 = false;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0) return -1;
    int only = !every;
    if (is_v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    set_tcp_options(fd);
    struct sockaddr *to = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    if (!bind(fd, to, is_v6 ? sizeof v6 : sizeof v4) && !listen(fd, BACKLOG)) return fd;
    int error = errno;
    close(fd);
    return errno = error, -1;
}

/* 0 or an errno. */
static int add_listener(const char *name) {
    struct listener *l = calloc(1, sizeof *l);
    if (!l) return ENOMEM;
    char address[sizeof l->name];
    int used = 0;
    bool valid = strlen(name) < sizeof l->name && sscanf(name, "%63s %d%n", address, &l->port, &used) == 2 &&
                 !name[used] && l->port >= 1 && l->port <= 65535;
    if (!valid) return free(l), EINVAL;
    strcpy(l->name, name);
    l->waiting = -1;
    l->watch = (struct watch){.kind = LISTENER, .fd = listen_on(address, l->port)};
    int error = errno;
    if (l->watch.fd < 0) return free(l), error;
    if (!watch(&l->watch, EPOLLIN)) return close(l->watch.fd), free(l), ENOMEM;
    l->next = listeners;
    listeners = l;
    return 0;
}

/* 0 or an errno. Only the control channel calls it, never while a listener's event is handled. */
static int remove_listener(const char *name) {
    for (struct listener **at = &listeners; *at; at = &(*at)->next) {
        struct listener *l = *at;
        if (strcmp(l->name, name) != 0) continue;
        *at = l->next;
        close(l->watch.fd);
        if (l->waiting >= 0) {
            reset_on_close(l->waiting);
            close(l->waiting);
        }
        l->watch.fd = -1; /* an event of this batch may still name it */
        l->next = dead_listeners;
        dead_listeners = l;
        return 0;
    }
    return ENOENT;
}

static void free_dead_listeners(void) {
    while (dead_listeners) {
        struct listener *next = dead_listeners->next;
        free(dead_listeners);
        dead_listeners = next;
    }
}

/* Milliseconds until a paused listener is tried again; -1: none is paused. */
static int retry_paused_listeners(void) {
    bool any = false;
    for (struct listener *l = listeners; l; l = l->next) {
        if (l->paused) on_listener(l);
        any |= l->paused;
    }
    return any ? RETRY_MS : -1;
}

/* ---- Control channel ---- */

static void send_frame(uint32_t type, uint32_t id, const void *payload, uint32_t length) {
    uint32_t header[3] = {htole32(type), htole32(id), htole32(length)};
    char frame[HEADER + MAX_PAYLOAD];
    memcpy(frame, header, HEADER);
    if (length) memcpy(frame + HEADER, payload, length);
    for (size_t at = 0; at < HEADER + length;) {
        ssize_t n = write(STDOUT_FILENO, frame + at, HEADER + length - at);
        if (n < 0 && errno != EINTR) exit(0); /* nobody reads: nobody needs the relay */
        if (n > 0) at += (size_t)n;
    }
}

static void send_hello(void) {
    char payload[12] = MAGIC;
    uint32_t version = htole32(PROTOCOL_VERSION);
    memcpy(payload + 8, &version, 4);
    send_frame(HELLO, 0, payload, sizeof payload);
}

/* What listening and its requests can give; musl has no strerrorname_np. */
static const struct { int error; const char *name; } error_names[] = {
    {EACCES, "EACCES"}, {EADDRINUSE, "EADDRINUSE"}, {EADDRNOTAVAIL, "EADDRNOTAVAIL"}, {EINVAL, "EINVAL"},
    {EMFILE, "EMFILE"}, {ENFILE, "ENFILE"}, {ENOBUFS, "ENOBUFS"}, {ENOENT, "ENOENT"},
    {ENOMEM, "ENOMEM"}, {ENOSYS, "ENOSYS"},
};

static void answer(uint32_t id, int error) {
    char name[16] = "";
    if (error) snprintf(name, sizeof name, "E%d", error);
    for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
        if (error_names[i].error == error) strcpy(name, error_names[i].name);
    send_frame(error ? ERR : OK, id, name, (uint32_t)strlen(name));
}

static void on_frame(uint32_t type, uint32_t id, const char *payload, uint32_t length) {
    static bool greeted;
    if (!greeted) {
        uint32_t version;
        if (type != HELLO || length != 12 || memcmp(payload, MAGIC, 8) != 0) die("stdin does not begin with HELLO", 0);
        memcpy(&version, payload + 8, sizeof version);
        if (le32toh(version) != PROTOCOL_VERSION) die("the host speaks another version of the protocol", 0);
        greeted = true;
        return;
    }
    char text[MAX_PAYLOAD + 1];
    memcpy(text, payload, length);
    text[length] = 0;
    if (type == LISTEN) answer(id, add_listener(text));
    else if (type == UNLISTEN) answer(id, remove_listener(text));
    else answer(id, ENOSYS);
}

static void on_control(void) {
    static char buffer[HEADER + MAX_PAYLOAD];
    static size_t filled;
    ssize_t n = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled);
    if (n == 0) exit(0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) exit(0);
    filled += (size_t)n;
    while (filled >= HEADER) {
        uint32_t header[3];
        memcpy(header, buffer, HEADER);
        uint32_t length = le32toh(header[2]);
        if (length > MAX_PAYLOAD) die("a control frame is too long", 0);
        if (filled < HEADER + length) break;
        on_frame(le32toh(header[0]), le32toh(header[1]), buffer + HEADER, length);
        filled -= HEADER + length;
        memmove(buffer, buffer + HEADER + length, filled);
    }
}

/* ---- relay run ---- */

static void on_event(struct watch *w, uint32_t events) {
    switch (w->kind) {
    case CONTROL: return on_control();
    case LISTENER: return w->fd < 0 ? (void)0 : on_listener((struct listener *)w);
    case END: return on_end((struct end *)w, events);
    }
}

static void quit(int number) { _exit(number == SIGTERM ? 0 : 128 + number); }

static _Noreturn void run(const char *dir) {
    socket_dir = dir;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, quit); /* PID 1 has no default actions */
    signal(SIGINT, quit);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files)) die("getrlimit", errno);
    rlim_t soft = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files)) files.rlim_cur = soft;
    max_connections = files.rlim_cur > FILES_FOR_THE_REST + FILES_PER_CONNECTION
        ? (files.rlim_cur - FILES_FOR_THE_REST) / FILES_PER_CONNECTION : 1;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    static struct watch control = {.kind = CONTROL, .fd = STDIN_FILENO};
    if (!watch(&control, EPOLLIN)) die("epoll", errno);
    send_hello();
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, retry_paused_listeners());
        for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
        free_dead_connections();
        free_dead_listeners();
    }
}

/*
 * ---- relay rm: runs as root on directories that containers wrote to, so it trusts no name in them ----
 *
 * Every name is looked up in a directory that is open already, and is never followed: a link is removed as a link.
 * It goes into no other mount, not even one of the same file system.
 */

enum { MAX_DEPTH = 100 };

static int top; /* the directory that is cleared */
static dev_t top_device;

/* A descriptor of the directory `name` in `dir`, or -1 with errno; EXDEV: something is mounted there. */
static int open_directory(int dir, const char *name) {
    enum { NO_XDEV = 1, NO_MAGICLINKS = 2, NO_SYMLINKS = 4, BENEATH = 8 };
    struct { uint64_t flags, mode, resolve; } how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS | BENEATH,
    };
    int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
    /* Before Linux 5.6, or under a seccomp profile of that time: the device tells of most mounts. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = openat(dir, name, (int)how.flags);
    struct stat stat;
    if (fd < 0 || (!fstat(fd, &stat) && stat.st_dev == top_device)) return fd;
    close(fd);
    return errno = EXDEV, -1;
}

/* Directories nested without end would exhaust stack and descriptors: what is deep is moved to the top first. */
static bool move_to_top(int dir, const char *name) {
    static unsigned counter;
    char target[32];
    for (int tries = 0; tries < 1000; tries++) {
        snprintf(target, sizeof target, ".wcompose-rm-%u", counter++);
        if (renameat(dir, name, top, target) == 0) return true;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) break;
    }
    return false;
}

static bool remove_entry(int dir, const char *name, int depth);

/* Removes what is in the directory; takes the descriptor. A pass that removes nothing is the last one. */
static bool clear_directory(int fd, int depth) {
    DIR *dir = fdopendir(fd);
    if (!dir) return fprintf(stderr, "relay: %s\n", strerror(errno)), close(fd), false;
    bool clean, progress;
    do {
        clean = true;
        progress = false;
        rewinddir(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            if (remove_entry(fd, entry->d_name, depth)) progress = true;
            else clean = false;
        }
    } while (progress);
    closedir(dir);
    return clean;
}

static bool remove_entry(int dir, const char *name, int depth) {
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return true;
    int error = errno;
    int fd = open_directory(dir, name);
    if (fd < 0) {
        if (errno != ENOTDIR && errno != ELOOP) error = errno;
        return fprintf(stderr, "relay: cannot remove %s: %s\n", name, strerror(error)), false;
    }
    if (depth >= MAX_DEPTH && move_to_top(dir, name)) return close(fd), true;
    if (!clear_directory(fd, depth + 1)) return false;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0) return true;
    return fprintf(stderr, "relay: cannot remove %s: %s\n", name, strerror(errno)), false;
}

/* Says "cleared" when nothing is left: its caller sees the output and not the exit status. */
static int remove_content(const char *path) {
    struct stat stat;
    top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0 || fstat(top, &stat)) die(path, errno);
    top_device = stat.st_dev;
    int fd = dup(top);
    if (fd < 0) die(path, errno);
    if (!clear_directory(fd, 0)) return 1;
    puts("cleared");
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "run") == 0) run(argv[2]);
    if (argc == 3 && strcmp(argv[1], "rm") == 0) return remove_content(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return printf("wcompose-relay, protocol %u\n", PROTOCOL_VERSION), 0;
    fputs("usage: relay run DIR | relay rm PATH | relay --version\n", stderr);
    return 2;
}
