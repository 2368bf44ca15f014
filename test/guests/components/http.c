/* A wasi:http server without any library: what it does is its path. The canonical ABI by hand. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define IMPORT(interface, name) __attribute__((import_module(interface), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define IO_STREAMS "wasi:io/streams@" VERSION
#define HTTP_TYPES "wasi:http/types@" VERSION

IMPORT("wasi:io/poll@" VERSION, "[method]pollable.block") void block(u32 pollable);
IMPORT("wasi:io/poll@" VERSION, "[resource-drop]pollable") void drop_pollable(u32 pollable);
IMPORT(IO_STREAMS, "[method]input-stream.blocking-read") void blocking_read(u32 stream, u64 length, void *result);
IMPORT(IO_STREAMS, "[method]output-stream.check-write") void check_write(u32 stream, void *result);
IMPORT(IO_STREAMS, "[method]output-stream.write") void stream_write(u32 stream, const void *from, u32 length, void *result);
IMPORT(IO_STREAMS, "[method]output-stream.subscribe") u32 subscribe_output(u32 stream);
IMPORT(IO_STREAMS, "[method]output-stream.blocking-write-and-flush") void blocking_write(u32 stream, const void *from, u32 length, void *result);
IMPORT(IO_STREAMS, "[resource-drop]input-stream") void drop_input(u32 stream);
IMPORT(IO_STREAMS, "[resource-drop]output-stream") void drop_output(u32 stream);
IMPORT("wasi:cli/stderr@" VERSION, "get-stderr") u32 get_stderr(void);
IMPORT("wasi:cli/exit@" VERSION, "exit") void leave(u32 failed);
IMPORT(HTTP_TYPES, "[constructor]fields") u32 new_fields(void);
IMPORT(HTTP_TYPES, "[method]fields.get") void fields_get(u32 fields, const void *name, u32 length, void *result);
IMPORT(HTTP_TYPES, "[method]fields.append") void fields_append(u32 fields, const void *name, u32 length, const void *value, u32 value_length, void *result);
IMPORT(HTTP_TYPES, "[resource-drop]fields") void drop_fields(u32 fields);
IMPORT(HTTP_TYPES, "[method]incoming-request.path-with-query") void request_path(u32 request, void *result);
IMPORT(HTTP_TYPES, "[method]incoming-request.headers") u32 request_headers(u32 request);
IMPORT(HTTP_TYPES, "[method]incoming-request.consume") void request_consume(u32 request, void *result);
IMPORT(HTTP_TYPES, "[resource-drop]incoming-request") void drop_request(u32 request);
IMPORT(HTTP_TYPES, "[method]incoming-body.stream") void body_stream(u32 body, void *result);
IMPORT(HTTP_TYPES, "[static]incoming-body.finish") u32 body_finish(u32 body);
IMPORT(HTTP_TYPES, "[method]future-trailers.subscribe") u32 subscribe_trailers(u32 future);
IMPORT(HTTP_TYPES, "[method]future-trailers.get") void trailers_get(u32 future, void *result);
IMPORT(HTTP_TYPES, "[resource-drop]future-trailers") void drop_trailers(u32 future);
IMPORT(HTTP_TYPES, "[constructor]outgoing-response") u32 new_response(u32 headers);
IMPORT(HTTP_TYPES, "[method]outgoing-response.set-status-code") u32 set_status(u32 response, u32 status);
IMPORT(HTTP_TYPES, "[method]outgoing-response.body") void response_body(u32 response, void *result);
IMPORT(HTTP_TYPES, "[static]response-outparam.set") void outparam_set(u32 param, u32 is_error, u32 value, u32 a, u64 b, u32 c, u32 d, u32 e, u32 f);
IMPORT(HTTP_TYPES, "[method]outgoing-body.write") void body_write(u32 body, void *result);
IMPORT(HTTP_TYPES, "[static]outgoing-body.finish") void finish_body(u32 body, u32 has_trailers, u32 trailers, void *result);
IMPORT(HTTP_TYPES, "[constructor]outgoing-request") u32 new_request(u32 headers);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-authority") u32 set_authority(u32 request, u32 some, const void *text, u32 length);
IMPORT(HTTP_TYPES, "[method]outgoing-request.set-path-with-query") u32 set_path(u32 request, u32 some, const void *text, u32 length);
IMPORT(HTTP_TYPES, "[method]future-incoming-response.subscribe") u32 subscribe_response(u32 future);
IMPORT(HTTP_TYPES, "[method]future-incoming-response.get") void response_get(u32 future, void *result);
IMPORT(HTTP_TYPES, "[resource-drop]future-incoming-response") void drop_future_response(u32 future);
IMPORT(HTTP_TYPES, "[method]incoming-response.status") u32 response_status(u32 response);
IMPORT(HTTP_TYPES, "[method]incoming-response.consume") void response_consume(u32 response, void *result);
IMPORT(HTTP_TYPES, "[resource-drop]incoming-response") void drop_response(u32 response);
IMPORT("wasi:http/outgoing-handler@" VERSION, "handle") void send_request(u32 request, u32 has_options, u32 options, void *result);

/* What the host gives lives until the next request, or until a loop gives it back. */
static u8 arena[1 << 20];
static u32 used;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
  used = (used + align - 1) & -align;
  if (used + size > sizeof arena) __builtin_trap();
  u8 *made = arena + used;
  used += size;
  for (u32 i = 0; i < old_size; i++) made[i] = ((u8 *)old)[i];
  return made;
}

static u32 size_of(const char *text) {
  u32 n = 0;
  while (text[n]) n++;
  return n;
}

static int starts(const u8 *path, u32 length, const char *with) {
  u32 n = size_of(with);
  if (length < n) return 0;
  for (u32 i = 0; i < n; i++) if (path[i] != (u8)with[i]) return 0;
  return 1;
}

/* The handle in a result that must be one. */
static u32 handle_in(const u32 *result) {
  if (*(const u8 *)result != 0) __builtin_trap();
  return result[1];
}

static void add(u32 fields, const char *name, const void *value, u32 length) {
  u32 result[2];
  fields_append(fields, name, size_of(name), value, length, result);
  if (*(u8 *)result != 0) __builtin_trap();
}

struct answer {
  u32 body;
  u32 stream;
};

/* Sends the head; what follows is written to the stream. */
static struct answer begin(u32 outparam, u32 status, u32 headers) {
  u32 result[2];
  struct answer made;
  u32 response = new_response(headers);
  set_status(response, status);
  response_body(response, result);
  made.body = handle_in(result);
  outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
  body_write(made.body, result);
  made.stream = handle_in(result);
  return made;
}

/* Writes all, as there is room; 0 when nobody reads any more. */
static int write_all(u32 stream, const u8 *from, u32 length) {
  while (length > 0) {
    u64 room[2];
    check_write(stream, room);
    if (*(u8 *)room != 0) return 0;
    if (room[1] == 0) {
      u32 pollable = subscribe_output(stream);
      block(pollable);
      drop_pollable(pollable);
      continue;
    }
    u32 n = room[1] < length ? (u32)room[1] : length;
    u32 result[3];
    stream_write(stream, from, n, result);
    if (*(u8 *)result != 0) return 0;
    from += n;
    length -= n;
  }
  return 1;
}

static u32 end(struct answer answer, u32 has_trailers, u32 trailers) {
  u64 result[5];
  drop_output(answer.stream);
  finish_body(answer.body, has_trailers, trailers, result);
  return *(u8 *)result;
}

static void say(u32 outparam, u32 status, const void *text, u32 length) {
  struct answer answer = begin(outparam, status, new_fields());
  write_all(answer.stream, text, length);
  end(answer, 0, 0);
}

static void tell(const char *text) {
  u32 result[3];
  u32 stream = get_stderr();
  blocking_write(stream, text, size_of(text), result);
  drop_output(stream);
}

/* Copies a body; returns how much that was, or -1 when it broke off. */
static long copy(u32 body, u32 to) {
  u32 result[3];
  body_stream(body, result);
  u32 from = handle_in(result);
  long copied = 0;
  for (;;) {
    u32 mark = used;
    blocking_read(from, 65536, result);
    if (*(u8 *)result != 0) {
      if (*(u8 *)(result + 1) == 0) copied = -1;
      break;
    }
    if (!write_all(to, (const u8 *)result[1], result[2])) { copied = -2; break; }
    copied += result[2];
    used = mark;
  }
  drop_input(from);
  return copied;
}

static void echo(u32 request, u32 outparam) {
  u32 result[2];
  request_consume(request, result);
  u32 body = handle_in(result);
  struct answer answer = begin(outparam, 200, new_fields());
  long copied = copy(body, answer.stream);
  u32 future = body_finish(body);
  u32 pollable = subscribe_trailers(future);
  if (copied >= 0) block(pollable);
  drop_pollable(pollable);
  /* option<result<result<option<fields>, error-code>>>: 0 none, 8 result, 16 result, 24 option, 28 fields */
  u32 trailers[14] = {0};
  trailers_get(future, trailers);
  drop_trailers(future);
  int has = *(u8 *)trailers == 1 && *(u8 *)(trailers + 2) == 0 && *(u8 *)(trailers + 4) == 0 && *(u8 *)(trailers + 6) == 1;
  u32 out = 0;
  if (has) {
    u32 list[2];
    u32 fields = trailers[7];
    fields_get(fields, "x-sum", 5, list);
    out = new_fields();
    if (list[1] > 0) add(out, "x-sum", (void *)((u32 *)list[0])[0], ((u32 *)list[0])[1]);
    drop_fields(fields);
  }
  if (copied == -1) tell("the body broke off\n");
  end(answer, has, out);
}

static void headers(u32 request, u32 outparam) {
  u32 fields = request_headers(request);
  u32 list[2];
  fields_get(fields, "X-In", 4, list);
  u32 out = new_fields();
  for (u32 i = 0; i < list[1]; i++) {
    u32 *value = (u32 *)list[0] + 2 * i;
    add(out, "x-out", (void *)value[0], value[1]);
  }
  u32 refused[2];
  fields_append(out, "connection", 10, "close", 5, refused);
  add(out, "x-forbidden", *(u8 *)refused ? "yes" : "no", *(u8 *)refused ? 3 : 2);
  fields_append(out, "x-split", 7, "a\r\nb", 4, refused);
  add(out, "x-invalid", *(u8 *)refused ? "yes" : "no", *(u8 *)refused ? 3 : 2);
  drop_fields(fields);
  end(begin(outparam, 201, out), 0, 0);
}

/* /fetch/AUTHORITY/PATH: what another server answers. */
static void fetch(u32 outparam, const u8 *target, u32 length) {
  u32 at = 0;
  while (at < length && target[at] != '/') at++;
  u32 request = new_request(new_fields());
  set_authority(request, 1, target, at);
  set_path(request, 1, target + at, length - at);
  u64 result[8] = {0};
  send_request(request, 0, 0, result);
  if (*(u8 *)result != 0) {
    say(outparam, 502, "refused\n", 8);
    return;
  }
  u32 future = (u32)result[1];
  u32 pollable = subscribe_response(future);
  block(pollable);
  drop_pollable(pollable);
  /* option<result<result<response, error-code>>>: 0 some, 8 result, 16 result, 24 the response or the code */
  response_get(future, result);
  drop_future_response(future);
  if (*(u8 *)(result + 2) != 0) {
    u8 code = '0' + *(u8 *)(result + 3);
    say(outparam, 502, &code, 1);
    return;
  }
  u32 response = (u32)result[3];
  u32 body[2];
  struct answer answer = begin(outparam, response_status(response), new_fields());
  response_consume(response, body);
  copy(handle_in(body), answer.stream);
  end(answer, 0, 0);
  drop_response(response);
}

static void flood(u32 outparam) {
  static u8 piece[65536];
  struct answer answer = begin(outparam, 200, new_fields());
  for (u32 i = 0; i < 128; i++) {
    for (u32 k = 0; k < sizeof piece; k++) piece[k] = (u8)(i + k);
    if (!write_all(answer.stream, piece, sizeof piece)) break;
  }
  end(answer, 0, 0);
}

static u32 count;

static void counted(u32 outparam) {
  u8 text[2] = {'0' + ++count % 10, '\n'};
  say(outparam, 200, text, 2);
}

static void promise(u32 outparam) {
  u32 fields = new_fields();
  add(fields, "content-length", "10", 2);
  struct answer answer = begin(outparam, 200, fields);
  write_all(answer.stream, (const u8 *)"abc", 3);
  if (end(answer, 0, 0)) tell("too short\n");
}

static volatile u32 forever = 1;

EXPORT("wasi:http/incoming-handler@" VERSION "#handle") void handle(u32 request, u32 outparam) {
  used = 0;
  u32 path[3];
  request_path(request, path);
  const u8 *text = (const u8 *)path[1];
  u32 length = path[2];
  if (starts(text, length, "/echo")) echo(request, outparam);
  else if (starts(text, length, "/headers")) headers(request, outparam);
  else if (starts(text, length, "/fetch/")) fetch(outparam, text + 7, length - 7);
  else if (starts(text, length, "/flood")) flood(outparam);
  else if (starts(text, length, "/count")) counted(outparam);
  else if (starts(text, length, "/promise")) promise(outparam);
  else if (starts(text, length, "/trap")) __builtin_trap();
  else if (starts(text, length, "/exit")) leave(1);
  else if (starts(text, length, "/error")) outparam_set(outparam, 1, 6, 0, 0, 0, 0, 0, 0);
  else if (starts(text, length, "/log")) { tell("a line\n"); say(outparam, 200, "logged\n", 7); }
  else if (starts(text, length, "/spin")) while (forever);
  else if (!starts(text, length, "/nothing")) say(outparam, 200, "hello\n", 6);
  drop_request(request);
}
