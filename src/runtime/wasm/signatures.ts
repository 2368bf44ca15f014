/**
 * The types of host functions, one table per dialect: the letters of the parameters, `>`, that of the result. `i` is
 * i32 and `I` is i64. Where a function has several forms, all of them are listed.
 */
export type SignatureTable = Readonly<Record<string, readonly string[]>>;

/** `wasi_snapshot_preview1`; those of `wasi_unstable` are the same. */
export const PREVIEW1_SIGNATURES: SignatureTable = {
  args_get: ['ii>i'],
  args_sizes_get: ['ii>i'],
  environ_get: ['ii>i'],
  environ_sizes_get: ['ii>i'],
  clock_res_get: ['ii>i'],
  clock_time_get: ['iIi>i'],
  fd_advise: ['iIIi>i'],
  fd_allocate: ['iII>i'],
  fd_close: ['i>i'],
  fd_datasync: ['i>i'],
  fd_fdstat_get: ['ii>i'],
  fd_fdstat_set_flags: ['ii>i'],
  fd_fdstat_set_rights: ['iII>i'],
  fd_filestat_get: ['ii>i'],
  fd_filestat_set_size: ['iI>i'],
  fd_filestat_set_times: ['iIIi>i'],
  fd_pread: ['iiiIi>i'],
  fd_prestat_get: ['ii>i'],
  fd_prestat_dir_name: ['iii>i'],
  fd_pwrite: ['iiiIi>i'],
  fd_read: ['iiii>i'],
  fd_readdir: ['iiiIi>i'],
  fd_renumber: ['ii>i'],
  fd_seek: ['iIii>i'],
  fd_sync: ['i>i'],
  fd_tell: ['ii>i'],
  fd_write: ['iiii>i'],
  path_create_directory: ['iii>i'],
  path_filestat_get: ['iiiii>i'],
  path_filestat_set_times: ['iiiiIIi>i'],
  path_link: ['iiiiiii>i'],
  path_open: ['iiiiiIIii>i'],
  path_readlink: ['iiiiii>i'],
  path_remove_directory: ['iii>i'],
  path_rename: ['iiiiii>i'],
  path_symlink: ['iiiii>i'],
  path_unlink_file: ['iii>i'],
  poll_oneoff: ['iiii>i'],
  proc_exit: ['i>'],
  proc_raise: ['i>i'],
  random_get: ['ii>i'],
  sched_yield: ['>i'],
  sock_accept: ['iii>i'],
  sock_recv: ['iiiiii>i'],
  sock_send: ['iiiii>i'],
  sock_shutdown: ['ii>i'],
};

/** WasmEdge's, in both forms; each is also known with `_v2` behind its name. */
export const WASMEDGE_SIGNATURES: SignatureTable = {
  sock_open: ['iii>i'],
  sock_bind: ['iii>i'],
  sock_listen: ['ii>i'],
  sock_accept: ['ii>i', 'iii>i'],
  sock_connect: ['iii>i'],
  sock_recv: ['iiiiii>i'],
  sock_recv_from: ['iiiiiii>i', 'iiiiiiii>i'],
  sock_send: ['iiiii>i'],
  sock_send_to: ['iiiiiii>i'],
  sock_shutdown: ['ii>i'],
  sock_getlocaladdr: ['iii>i', 'iiii>i'],
  sock_getpeeraddr: ['iii>i', 'iiii>i'],
  sock_getsockopt: ['iiiii>i'],
  sock_setsockopt: ['iiiii>i'],
  sock_getaddrinfo: ['iiiiiiii>i'],
  epoll_oneoff: ['iiii>i'],
};

/** WAMR's, as far as this host has them; those of its options for multicast and time-outs are missing. */
export const WAMR_SIGNATURES: SignatureTable = {
  sock_open: ['iiii>i'],
  sock_bind: ['ii>i'],
  sock_connect: ['ii>i'],
  sock_recv_from: ['iiiiii>i'],
  sock_send_to: ['iiiiii>i'],
  sock_close: ['i>i'],
  sock_addr_local: ['ii>i'],
  sock_addr_remote: ['ii>i'],
  sock_addr_resolve: ['iiiiii>i'],
  sock_get_recv_buf_size: ['ii>i'],
  sock_get_send_buf_size: ['ii>i'],
  sock_get_reuse_addr: ['ii>i'],
  sock_set_recv_buf_size: ['ii>i'],
  sock_set_send_buf_size: ['ii>i'],
  sock_set_reuse_addr: ['ii>i'],
  sock_set_reuse_port: ['ii>i'],
  sock_set_keep_alive: ['ii>i'],
  sock_set_tcp_keep_idle: ['ii>i'],
  sock_set_tcp_keep_intvl: ['ii>i'],
  sock_set_linger: ['ii>i'],
};

/** `wasi`: https://github.com/WebAssembly/wasi-threads */
export const THREADS_SIGNATURES: SignatureTable = { 'thread-spawn': ['i>i'] };
