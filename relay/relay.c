/*
 * wcompose-relay: stands for one Wasm instance on its Docker networks.
 *
 * It runs as PID 1 of a tiny container that carries the service's names. TCP connections to it go to the worker that
 * runs the guest, in one of two ways. On the Engine's own machine, through unix sockets in a directory that both see:
 *
 *     container -- TCP --> relay -- unix socket DIR/<port> --> worker
 *
 * On each unix connection the relay first writes one line, "<peer address> <peer port>\n", then the bytes go both
 * ways untouched. With no DIR the connections are streams on the control channel, which leads to every Engine:
 *
 *     container -- TCP --> relay -- control channel --> supervisor -- unix socket --> worker
 *
 * It listens exactly while the service listens, so a client of a stopped service is refused by the kernel, as it would
 * be by a container. In the other direction it connects, by numeric address, where the host asks it to.
 *
 *   relay run [DIR]   serve; the control channel is stdin and stdout
 *   relay rm PATH     remove what is in the directory PATH; follows no symbolic link, leaves no file system
 *   relay --version
 *
 * Control channel: frames of a 12 byte header (type, id, payload length; 32 bit little endian each) and a payload of
 * at most 1024 bytes, DATA 65536. Both sides begin with HELLO, whose payload is the magic "WCRELAY" 0 and the protocol
 * version (32 bit). Whatever is no HELLO ends the relay: something else writes to its stdin. Requests carry an id of
 * the host's choice; the answer, OK or ERR, carries the same. The end of stdin ends the relay: nobody needs it any
 * longer.
 *
 *   type         from    payload              answer
 *   1 HELLO      both    magic, version
 *   2 LISTEN     host    "<address> <port>"   OK or ERR   address "*": every address, IPv4 and IPv6
 *   3 UNLISTEN   host    "<address> <port>"   OK or ERR   connections that are open stay open
 *   4 OK         relay
 *   5 ERR        relay   errno name
 *
 * Streams have ids of their own, odd ones given by the relay and even ones by the host, never given twice.
 *
 *   16 OPEN      relay   "<listening port> <peer address> <peer port>"
 *   17 DIAL      host    "<address> <port>"   OPENED or RESET
 *   18 OPENED    relay
 *   19 DATA      both    bytes
 *   20 FIN       both                         no more DATA from this side; after both FINs the stream is gone
 *   21 RESET     both    errno name or ""     the stream is gone at once; so it is for whoever sent it
 *   22 CREDIT    both    number (32 bit)      the receiver has passed on so many bytes more
 *
 * Each side may have sent 1 MiB more in a stream than CREDIT came back for, so a receiver that is stopped holds up its
 * own stream and nothing else. Frames of a stream that is gone crossed its end on the way and mean nothing.
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

#define PROTOCOL_VERSION 2u
#define MAGIC "WCRELAY" /* with its zero byte: 8 bytes */

enum { HELLO = 1, LISTEN = 2, UNLISTEN = 3, OK = 4, ERR = 5 };
enum { OPEN = 16, DIAL = 17, OPENED = 18, DATA = 19, FIN = 20, RESET = 21, CREDIT = 22 };
enum { HEADER = 12, MAX_PAYLOAD = 1024, MAX_DATA = 65536 };
enum { WINDOW = 1 << 20, CREDIT_STEP = WINDOW / 4 };
enum { CHUNK = 65536, TURNS = 16, ACCEPTS = 64, BACKLOG = 4096, SPARE_PIPES = 64, RETRY_MS = 5, EVENTS = 256 };

/* While so much waits for the host, nothing is read that would add to it. */
enum { OUTPUT_FULL = 256 * 1024 };

/* What may wait for slow receivers of all streams together: well below the container's limit of memory. */
enum { MAX_QUEUED = 256 * 1024 * 1024 };

/* Two sockets and, while both directions wait for slow receivers, two pipes of two ends each. */
enum { FILES_PER_CONNECTION = 6, FILES_FOR_THE_REST = 256 };

/* NULL: connections are streams. */
static const char *socket_dir;

static void die(const char *what, int error) {
    fprintf(stderr, "relay: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(error ? 1 : 2);
}

/* ---- What the event loop waits for ---- */

enum kind { CONTROL, OUTPUT, LISTENER, END, STREAM };

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

/* ---- Bytes that wait for a slow receiver ---- */

struct buffer {
    char *bytes;
    size_t at, end, size;
};

static size_t waiting_in(const struct buffer *b) { return b->end - b->at; }

/* Where `length` bytes more have room, or NULL; the caller moves `end`. */
static char *room_in(struct buffer *b, size_t length) {
    if (b->at == b->end) b->at = b->end = 0;
    /* Never moves more than was taken out since the last time. */
    if (b->size - b->end < length && b->at > 0 && b->at >= waiting_in(b)) {
        memmove(b->bytes, b->bytes + b->at, waiting_in(b));
        b->end -= b->at;
        b->at = 0;
    }
    if (b->size - b->end >= length) return b->bytes + b->end;
    size_t size = b->size ? b->size : 16384;
    while (size - b->end < length) size *= 2;
    char *bytes = realloc(b->bytes, size);
    if (!bytes) return NULL;
    b->bytes = bytes;
    b->size = size;
    return bytes + b->end;
}

static void free_buffer(struct buffer *b) {
    free(b->bytes);
    *b = (struct buffer){0};
}

/* ---- Frames to the host; they are written when a batch of events is done ---- */

static struct buffer output;
static struct watch output_watch = {.kind = OUTPUT, .fd = STDOUT_FILENO};

static bool output_full(void) { return waiting_in(&output) >= OUTPUT_FULL; }

/* Where a frame's payload goes; `finish_frame` completes it. */
static char *begin_frame(size_t length) {
    char *frame = room_in(&output, HEADER + length);
    if (!frame) die("output", ENOMEM);
    return frame + HEADER;
}

static void finish_frame(uint32_t type, uint32_t id, size_t length) {
    uint32_t header[3] = {htole32(type), htole32(id), htole32((uint32_t)length)};
    memcpy(output.bytes + output.end, header, HEADER);
    output.end += HEADER + length;
}

static void send_frame(uint32_t type, uint32_t id, const void *payload, size_t length) {
    char *at = begin_frame(length);
    if (length) memcpy(at, payload, length);
    finish_frame(type, id, length);
}

static void flush_output(void) {
    while (waiting_in(&output) > 0) {
        ssize_t n = write(STDOUT_FILENO, output.bytes + output.at, waiting_in(&output));
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0 && errno != EINTR) exit(0); /* nobody reads: nobody needs the relay */
        if (n > 0) output.at += (size_t)n;
    }
    if (!watch(&output_watch, waiting_in(&output) > 0 ? EPOLLOUT : 0u)) die("epoll", errno);
}

/* musl has no strerrorname_np. */
static const struct { int error; const char *name; } error_names[] = {
    {EACCES, "EACCES"}, {EADDRINUSE, "EADDRINUSE"}, {EADDRNOTAVAIL, "EADDRNOTAVAIL"}, {ECONNABORTED, "ECONNABORTED"},
    {ECONNREFUSED, "ECONNREFUSED"}, {ECONNRESET, "ECONNRESET"}, {EHOSTUNREACH, "EHOSTUNREACH"}, {EINVAL, "EINVAL"},
    {EMFILE, "EMFILE"}, {ENETUNREACH, "ENETUNREACH"}, {ENFILE, "ENFILE"}, {ENOBUFS, "ENOBUFS"}, {ENOENT, "ENOENT"},
    {ENOMEM, "ENOMEM"}, {ENOSYS, "ENOSYS"}, {EPERM, "EPERM"}, {EPIPE, "EPIPE"}, {EPROTO, "EPROTO"},
    {ETIMEDOUT, "ETIMEDOUT"},
};

/* A frame whose payload is the name of an errno; 0: nothing. */
static void send_error(uint32_t type, uint32_t id, int error) {
    char name[16] = "";
    if (error) snprintf(name, sizeof name, "E%d", error);
    for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
        if (error_names[i].error == error) strcpy(name, error_names[i].name);
    send_frame(type, id, name, strlen(name));
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

/* ---- Streams: connections that travel over the control channel ---- */

enum { BUCKETS = 1024 };

struct stream {
    struct watch watch; /* first: an event's pointer is the stream's */
    uint32_t id;
    uint32_t credit;     /* bytes the host still takes */
    uint32_t passed_on;  /* bytes the host has no CREDIT for yet */
    struct buffer queue; /* from the host, for the peer */
    bool connecting;
    bool hung_up;  /* as of an end of a connection */
    bool ended;    /* the peer's end of input was read, and FIN sent */
    bool fin;      /* the host's FIN came */
    bool closed;   /* ... and was passed on to the peer */
    bool readable; /* in the queue of streams to be read from */
    bool dead;
    struct stream *next_readable;
    struct stream *next; /* in its bucket, then among the dead */
};

static struct stream *streams[BUCKETS];
static struct stream *dead_streams;
static struct stream *first_readable, **last_readable = &first_readable;

/* Bytes of all queues. */
static size_t queued;

static struct stream **bucket_of(uint32_t id) { return &streams[(id >> 1) % BUCKETS]; }

static struct stream *find_stream(uint32_t id) {
    struct stream *s = *bucket_of(id);
    while (s && s->id != id) s = s->next;
    return s;
}

static void close_stream(struct stream *s, bool reset) {
    if (reset) reset_on_close(s->watch.fd);
    close(s->watch.fd);
    queued -= s->queue.size;
    free_buffer(&s->queue);
    struct stream **at = bucket_of(s->id);
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->dead = true;
    open_connections--;
    s->next = dead_streams;
    dead_streams = s;
}

/* The batch of events may still name them, and so may the queue of those to be read from. */
static void free_dead_streams(void) {
    for (struct stream **at = &dead_streams; *at;) {
        struct stream *s = *at;
        if (s->readable) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s);
    }
}

static void reset_stream(struct stream *s, int error) {
    send_error(RESET, s->id, error);
    close_stream(s, true);
}

static void mark_readable(struct stream *s) {
    if (s->readable) return;
    s->readable = true;
    s->next_readable = NULL;
    *last_readable = s;
    last_readable = &s->next_readable;
}

static bool may_read(const struct stream *s) { return !s->connecting && !s->ended && s->credit > 0; }

static void wait_for_stream(struct stream *s) {
    if (s->dead || s->hung_up) return;
    bool readable = may_read(s) && !s->readable;
    bool writable = s->connecting || waiting_in(&s->queue) > 0;
    if (!watch(&s->watch, (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u))) reset_stream(s, ENOMEM);
}

/* Ends a stream on which nothing more can happen; otherwise says what to wait for. */
static void settle_stream(struct stream *s) {
    if (s->dead) return;
    if (s->ended && s->closed) return close_stream(s, false);
    /* The peer takes nothing more, and the host may still send. */
    if (s->ended && s->hung_up) return reset_stream(s, ECONNRESET);
    wait_for_stream(s);
}

/* One piece from the peer, straight into the output. */
static void read_stream(struct stream *s) {
    if (s->dead || !may_read(s)) return;
    size_t want = s->credit < MAX_DATA ? s->credit : MAX_DATA;
    char *at = begin_frame(want);
    ssize_t n = recv(s->watch.fd, at, want, 0);
    if (n > 0) {
        finish_frame(DATA, s->id, (size_t)n);
        s->credit -= (uint32_t)n;
        if (s->hung_up && s->credit > 0) mark_readable(s);
    } else if (n == 0) {
        send_frame(FIN, s->id, NULL, 0);
        s->ended = true;
    } else if ((errno != EAGAIN && errno != EINTR) || s->hung_up) {
        return reset_stream(s, errno == EAGAIN ? ECONNRESET : errno);
    }
    settle_stream(s);
}

/* In turn, while the host takes what they give. */
static void read_streams(void) {
    while (first_readable && !output_full()) {
        struct stream *s = first_readable;
        first_readable = s->next_readable;
        if (!first_readable) last_readable = &first_readable;
        s->readable = false;
        read_stream(s);
    }
    for (struct stream *s = first_readable; s; s = s->next_readable) wait_for_stream(s);
}

static void count_passed_on(struct stream *s, size_t length) {
    s->passed_on += (uint32_t)length;
    if (s->passed_on < CREDIT_STEP) return;
    uint32_t credit = htole32(s->passed_on);
    send_frame(CREDIT, s->id, &credit, sizeof credit);
    s->passed_on = 0;
}

static void flush_stream(struct stream *s) {
    struct buffer *queue = &s->queue;
    while (waiting_in(queue) > 0) {
        ssize_t n = send(s->watch.fd, queue->bytes + queue->at, waiting_in(queue), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return reset_stream(s, errno);
        queue->at += (size_t)n;
        count_passed_on(s, (size_t)n);
    }
    if (waiting_in(queue) == 0) {
        queued -= queue->size;
        free_buffer(queue);
        if (s->fin && !s->closed) {
            shutdown(s->watch.fd, SHUT_WR);
            s->closed = true;
        }
    }
    settle_stream(s);
}

/* Part of a DATA frame. What the peer takes at once is not copied. */
static void on_data(uint32_t id, const char *bytes, size_t length) {
    struct stream *s = find_stream(id);
    if (!s || s->fin) return;
    struct buffer *queue = &s->queue;
    if (waiting_in(queue) == 0 && !s->connecting) {
        ssize_t n = send(s->watch.fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return reset_stream(s, errno);
        if (n > 0) {
            count_passed_on(s, (size_t)n);
            bytes += n;
            length -= (size_t)n;
        }
    }
    if (length == 0) return;
    if (waiting_in(queue) + length > WINDOW) return reset_stream(s, EPROTO);
    if (queued + length > MAX_QUEUED) return reset_stream(s, ENOBUFS);
    size_t before = queue->size;
    char *at = room_in(queue, length);
    if (!at) return reset_stream(s, ENOMEM);
    queued += queue->size - before;
    memcpy(at, bytes, length);
    queue->end += length;
    wait_for_stream(s);
}

static void on_fin(uint32_t id) {
    struct stream *s = find_stream(id);
    if (!s) return;
    s->fin = true;
    if (!s->connecting) flush_stream(s);
}

static void on_reset(uint32_t id) {
    struct stream *s = find_stream(id);
    if (s) close_stream(s, true);
}

static void on_credit(uint32_t id, const char *payload, uint32_t length) {
    struct stream *s = find_stream(id);
    uint32_t credit;
    if (length != sizeof credit) die("a CREDIT frame without a number", 0);
    if (!s) return;
    memcpy(&credit, payload, sizeof credit);
    credit = le32toh(credit);
    s->credit = credit > WINDOW - s->credit ? WINDOW : s->credit + credit;
    if (s->hung_up && may_read(s)) mark_readable(s);
    else wait_for_stream(s);
}

static void on_stream(struct stream *s, uint32_t events) {
    if (s->dead) return;
    if (s->connecting) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) return reset_stream(s, error);
        s->connecting = false;
        send_frame(OPENED, s->id, NULL, 0);
        return flush_stream(s);
    }
    if (events & (EPOLLHUP | EPOLLERR)) {
        s->hung_up = true;
        unwatch(&s->watch);
    }
    if (events & EPOLLOUT) flush_stream(s);
    else settle_stream(s);
    if (!s->dead && (events & ~(uint32_t)EPOLLOUT) && may_read(s)) mark_readable(s);
}

/* Takes the descriptor, unless it returns false. */
static bool add_stream(int fd, uint32_t id, bool connecting) {
    struct stream *s = calloc(1, sizeof *s);
    if (!s) return false;
    s->watch = (struct watch){.kind = STREAM, .fd = fd};
    s->id = id;
    s->credit = WINDOW;
    s->connecting = connecting;
    s->next = *bucket_of(id);
    *bucket_of(id) = s;
    open_connections++;
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

/* False with errno: the client is still the caller's. */
static bool open_stream(int port, int client) {
    static uint32_t next = 1;
    char text[96];
    int length = snprintf(text, sizeof text, "%d ", port);
    int line = hello_line(client, text + length, sizeof text - (size_t)length);
    if (line == 0) return errno = ECONNABORTED, false;
    while (find_stream(next)) next += 2;
    if (!add_stream(client, next, false)) return errno = ENOMEM, false;
    send_frame(OPEN, next, text, (size_t)(length + line - 1));
    wait_for_stream(find_stream(next));
    next += 2;
    return true;
}

static bool hand_over(int port, int client) {
    if (!socket_dir) return open_stream(port, client);
    int service = connect_service(port, client);
    if (service < 0) return false;
    if (add_connection(client, service)) return true;
    close(service);
    return errno = ECONNABORTED, false;
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
        if (open_connections >= max_connections || output_full()) return pause_listener(l, l->waiting);
        int client = l->waiting >= 0 ? l->waiting : accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        l->waiting = -1;
        if (client < 0 && errno == EAGAIN) break;
        if (client < 0 && is_shortage(errno)) return pause_listener(l, -1);
        if (client < 0) continue; /* the client gave up before it was accepted */
        if (hand_over(l->port, client)) continue;
        if (is_shortage(errno)) return pause_listener(l, client);
        reset_on_close(client);
        close(client);
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

/* ---- Dialling ---- */

/* 0, or the errno with which it failed at once; OPENED or RESET tells of the rest. */
static int dial(uint32_t id, const char *text) {
    char address[64];
    int port = 0, used = 0;
    bool valid = strlen(text) < sizeof address && sscanf(text, "%63s %d%n", address, &port, &used) == 2 &&
                 !text[used] && port >= 1 && port <= 65535 && id % 2 == 0 && !find_stream(id);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    bool is_v6 = valid && inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    if (!valid || (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1)) return EINVAL;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    set_tcp_options(fd);
    struct sockaddr *to = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    int error = connect(fd, to, is_v6 ? sizeof v6 : sizeof v4) && errno != EINPROGRESS ? errno : 0;
    if (!error && !add_stream(fd, id, true)) error = ENOMEM;
    if (error) return close(fd), error;
    wait_for_stream(find_stream(id));
    return 0;
}

/* ---- Control channel ---- */

static void send_hello(void) {
    char payload[12] = MAGIC;
    uint32_t version = htole32(PROTOCOL_VERSION);
    memcpy(payload + 8, &version, 4);
    send_frame(HELLO, 0, payload, sizeof payload);
}

static void answer(uint32_t id, int error) { send_error(error ? ERR : OK, id, error); }

static void on_dial(uint32_t id, const char *text) {
    int error = dial(id, text);
    if (error) send_error(RESET, id, error);
}

static bool greeted;

static void greet(uint32_t type, const char *payload, uint32_t length) {
    uint32_t version;
    if (type != HELLO || length != 12 || memcmp(payload, MAGIC, 8) != 0) die("stdin does not begin with HELLO", 0);
    memcpy(&version, payload + 8, sizeof version);
    if (le32toh(version) != PROTOCOL_VERSION) die("the host speaks another version of the protocol", 0);
    greeted = true;
}

static void on_frame(uint32_t type, uint32_t id, const char *payload, uint32_t length) {
    if (!greeted) return greet(type, payload, length);
    char text[MAX_PAYLOAD + 1];
    memcpy(text, payload, length);
    text[length] = 0;
    switch (type) {
    case LISTEN: return answer(id, add_listener(text));
    case UNLISTEN: return answer(id, remove_listener(text));
    case DIAL: return on_dial(id, text);
    case FIN: return on_fin(id);
    case RESET: return on_reset(id);
    case CREDIT: return on_credit(id, payload, length);
    default: return answer(id, ENOSYS);
    }
}

static void on_control(void) {
    static char buffer[MAX_DATA];
    static size_t filled;
    static uint32_t data_id, data_left; /* of a DATA frame, which is passed on as it comes */
    ssize_t n = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) exit(0);
    filled += (size_t)n;
    size_t at = 0;
    while (at < filled) {
        if (data_left > 0) {
            size_t part = filled - at < data_left ? filled - at : data_left;
            on_data(data_id, buffer + at, part);
            at += part;
            data_left -= (uint32_t)part;
            continue;
        }
        if (filled - at < HEADER) break;
        uint32_t header[3];
        memcpy(header, buffer + at, HEADER);
        uint32_t type = le32toh(header[0]), id = le32toh(header[1]), length = le32toh(header[2]);
        if (greeted && type == DATA && length <= MAX_DATA) {
            at += HEADER;
            data_id = id;
            data_left = length;
            continue;
        }
        if (length > MAX_PAYLOAD) die("a control frame is too long", 0);
        if (filled - at < HEADER + length) break;
        on_frame(type, id, buffer + at + HEADER, length);
        at += HEADER + length;
    }
    filled -= at;
    memmove(buffer, buffer + at, filled);
}

/* ---- relay run ---- */

static void on_event(struct watch *w, uint32_t events) {
    switch (w->kind) {
    case CONTROL: return on_control();
    case LISTENER: return w->fd < 0 ? (void)0 : on_listener((struct listener *)w);
    case END: return on_end((struct end *)w, events);
    case STREAM: return on_stream((struct stream *)w, events);
    /* Written to when the batch is done; without a reader there is nobody who needs the relay. */
    case OUTPUT: return events & (EPOLLERR | EPOLLHUP) ? exit(0) : (void)0;
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
    size_t each = socket_dir ? FILES_PER_CONNECTION : 1;
    max_connections = files.rlim_cur > FILES_FOR_THE_REST + each ? (files.rlim_cur - FILES_FOR_THE_REST) / each : 1;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    static struct watch control = {.kind = CONTROL, .fd = STDIN_FILENO};
    /* So that a host which does not read for a while holds up nothing but what is for it. */
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK)) die("stdout", errno);
    send_hello();
    struct epoll_event events[EVENTS];
    for (;;) {
        int timeout = retry_paused_listeners();
        do {
            read_streams();
            flush_output();
        } while (first_readable && !output_full());
        if (!watch(&control, output_full() ? 0u : EPOLLIN)) die("epoll", errno);
        int n = epoll_wait(epoll_fd, events, EVENTS, timeout);
        for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
        free_dead_connections();
        free_dead_streams();
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
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "run") == 0) run(argv[2]); /* NULL ends argv */
    if (argc == 3 && strcmp(argv[1], "rm") == 0) return remove_content(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return printf("wcompose-relay, protocol %u\n", PROTOCOL_VERSION), 0;
    fputs("usage: relay run [DIR] | relay rm PATH | relay --version\n", stderr);
    return 2;
}
