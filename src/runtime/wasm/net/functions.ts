import { Errno } from '../wasi/errno.ts';
import type { Guest } from '../wasi/guest.ts';
import type { FunctionRow } from '../wasi/linkage.ts';
import { fdClose } from '../wasi/fd.ts';
import { pollOneoff } from '../wasi/poll.ts';
import { SHUTDOWN_BOTH, sockAccept, sockRecv, sockSend, sockShutdown } from '../wasi/sock.ts';
import { sockGetaddrinfo } from './addrinfo.ts';
import { getLocal, getLocalTyped, getPeer, getPeerTyped } from './endpoints.ts';
import type { Network } from './network.ts';
import { sockGetsockopt, sockSetsockopt } from './options.ts';
import { sockBind, sockConnect, sockListen, sockOpen } from './socket-calls.ts';
import { sockRecvFrom, sockSendTo } from './transfer.ts';
import * as wamr from './wamr.ts';

type AnyForm = (guest: Guest, network: Network, ...args: number[]) => number | Promise<number>;
/** Called with exactly as many arguments as its key in the table says. */
type Form = (guest: Guest, network: Network, ...args: never[]) => number | Promise<number>;

/**
 * Socket functions, in every form that a guest may import. The forms of one name differ in their number of
 * parameters, and one module may mix them, so each call is taken for the form that has as many arguments as it came
 * with. A form that nobody knows answers NOSYS: there are headers that declare functions which are never called.
 *
 *     sock_accept        2: WasmEdge 1    3: preview1, WasmEdge 2
 *     sock_recv_from     7: WasmEdge 1    8: WasmEdge 2
 *     sock_getlocaladdr  4: WasmEdge 1    3: WasmEdge 2
 *     sock_getpeeraddr   4: WasmEdge 1    3: WasmEdge 2
 *     sock_open          3: WasmEdge      4: WAMR
 *     sock_bind          3: WasmEdge      2: WAMR
 *     sock_connect       3: WasmEdge      2: WAMR
 *     sock_send_to       7: WasmEdge      6: WAMR, which has 6 of sock_recv_from, too
 *
 * WasmEdge also exports each name with `_v2`, and `epoll_oneoff`, which waits as poll_oneoff does.
 */
export function socketFunctions(guest: Guest, network: Network): Readonly<Record<string, FunctionRow>> {
  const rows = Object.entries(FORMS).map(([name, forms]): readonly [string, FunctionRow] => {
    const fn = (...args: number[]): number | Promise<number> => {
      const form = forms[args.length] as AnyForm | undefined;
      return form === undefined ? Errno.NOSYS : form(guest, network, ...args);
    };
    const [parameters, ...others] = Object.keys(forms);
    const blocks = BLOCKING.has(name);
    return [name, others.length > 0 ? { fn, blocks } : { fn, blocks, parameters: Number(parameters) }];
  });
  return Object.fromEntries([...rows, ...rows.map(([name, row]) => [`${name}_v2`, row] as const)]);
}

const BLOCKING: ReadonlySet<string> = new Set([
  'sock_bind',
  'sock_listen',
  'sock_connect',
  'sock_accept',
  'sock_recv',
  'sock_send',
  'sock_recv_from',
  'sock_send_to',
  'sock_getaddrinfo',
  'epoll_oneoff',
  'sock_addr_resolve',
]);

const FORMS: Readonly<Record<string, Readonly<Record<number, Form>>>> = {
  sock_open: { 3: sockOpen, 4: wamr.wamrOpen },
  sock_bind: { 2: wamr.wamrBind, 3: sockBind },
  sock_listen: { 2: sockListen },
  sock_connect: { 2: wamr.wamrConnect, 3: sockConnect },
  sock_accept: {
    2: (guest, _network, fd, accepted) => sockAccept(guest, fd, 0, accepted),
    3: local(sockAccept),
  },
  sock_recv: { 6: local(sockRecv) },
  sock_send: { 5: local(sockSend) },
  sock_recv_from: {
    6: wamr.wamrRecvFrom,
    7: (guest, _network, fd, iovs, count, address, flags, length, outFlags) =>
      sockRecvFrom(guest, { fd, iovs, count, flags, address, port: undefined, length, outFlags }),
    8: (guest, _network, fd, iovs, count, address, flags, port, length, outFlags) =>
      sockRecvFrom(guest, { fd, iovs, count, flags, address, port, length, outFlags }),
  },
  sock_send_to: {
    6: wamr.wamrSendTo,
    7: (guest, _network, fd, iovs, count, address, port, _flags, length) =>
      sockSendTo(guest, { fd, iovs, count, address, port, length }),
  },
  sock_shutdown: { 2: shutdown },
  sock_getlocaladdr: { 3: local(getLocal), 4: local(getLocalTyped) },
  sock_getpeeraddr: { 3: local(getPeer), 4: local(getPeerTyped) },
  sock_getsockopt: { 5: local(sockGetsockopt) },
  sock_setsockopt: { 5: local(sockSetsockopt) },
  sock_getaddrinfo: {
    8: (guest, network, node, nodeLength, service, serviceLength, hints, result, limit, count) =>
      sockGetaddrinfo(guest, network, { node, nodeLength, service, serviceLength, hints, result, limit, count }),
  },
  epoll_oneoff: { 4: local(pollOneoff) },
  sock_close: { 1: local(fdClose) },
  sock_addr_local: { 2: wamr.wamrLocal },
  sock_addr_remote: { 2: wamr.wamrRemote },
  sock_addr_resolve: { 6: wamr.wamrResolve },
  sock_get_recv_buf_size: { 2: wamr.wamrBufferSize },
  sock_get_send_buf_size: { 2: wamr.wamrBufferSize },
  sock_get_reuse_addr: { 2: wamr.wamrReuse },
  sock_set_recv_buf_size: { 2: wamr.wamrAccepted },
  sock_set_send_buf_size: { 2: wamr.wamrAccepted },
  sock_set_reuse_addr: { 2: wamr.wamrAccepted },
  sock_set_reuse_port: { 2: wamr.wamrAccepted },
  sock_set_keep_alive: { 2: wamr.wamrAccepted },
  sock_set_tcp_keep_idle: { 2: wamr.wamrAccepted },
  sock_set_tcp_keep_intvl: { 2: wamr.wamrAccepted },
  sock_set_linger: { 2: wamr.wamrSetLinger },
};

function shutdown(guest: Guest, network: Network, fd: number, how: number): number {
  const errno = sockShutdown(guest, fd, how);
  if (network.closesByShutdown && how === SHUTDOWN_BOTH && errno !== Errno.INVAL) guest.table.close(fd);
  return errno;
}

/** A function that needs no network. */
function local(fn: (guest: Guest, ...args: never[]) => number | Promise<number>): Form {
  const call = fn as (guest: Guest, ...args: number[]) => number | Promise<number>;
  return (guest, _network, ...args) => call(guest, ...args);
}
