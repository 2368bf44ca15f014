import { argsGet, argsSizesGet } from './args.ts';
import { clockResGet, clockTimeGet } from './clock.ts';
import { environGet, environSizesGet } from './environ.ts';
import * as fd from './fd.ts';
import * as fdstat from './fdstat.ts';
import { fdFilestatGet, fdFilestatSetSize, fdFilestatSetTimes } from './filestat.ts';
import type { Guest } from './guest.ts';
import { pathOpen } from './path-open.ts';
import * as path from './path.ts';
import { pollOneoff } from './poll.ts';
import { procExit, procRaise, schedYield } from './proc.ts';
import { randomGet } from './random.ts';
import { fdReaddir } from './readdir.ts';
import { sockAccept, sockRecv, sockSend, sockShutdown } from './sock.ts';
import { unstableFdFilestatGet, unstableFdSeek, unstablePathFilestatGet, unstablePollOneoff } from './unstable.ts';

/** A function of WASI before it is bound to the guest that imports it; see `HostFunction` for its rules. */
export interface GuestFunctionRow {
  readonly fn: (guest: Guest, ...args: never[]) => number | Promise<number>;
  readonly blocks: boolean;
}

type GuestFunctions = Readonly<Record<string, GuestFunctionRow>>;

/** `wasi_snapshot_preview1`, all of it. */
export const PREVIEW1: GuestFunctions = {
  args_get: atOnce(argsGet),
  args_sizes_get: atOnce(argsSizesGet),
  environ_get: atOnce(environGet),
  environ_sizes_get: atOnce(environSizesGet),
  clock_res_get: atOnce(clockResGet),
  clock_time_get: atOnce(clockTimeGet),
  fd_advise: atOnce(fd.fdAdvise),
  fd_allocate: atOnce(fd.fdAllocate),
  fd_close: atOnce(fd.fdClose),
  fd_datasync: atOnce(fd.fdDatasync),
  fd_fdstat_get: atOnce(fdstat.fdFdstatGet),
  fd_fdstat_set_flags: atOnce(fdstat.fdFdstatSetFlags),
  fd_fdstat_set_rights: atOnce(fdstat.fdFdstatSetRights),
  fd_filestat_get: atOnce(fdFilestatGet),
  fd_filestat_set_size: atOnce(fdFilestatSetSize),
  fd_filestat_set_times: atOnce(fdFilestatSetTimes),
  fd_pread: atOnce(fd.fdPread),
  fd_prestat_get: atOnce(fdstat.fdPrestatGet),
  fd_prestat_dir_name: atOnce(fdstat.fdPrestatDirName),
  fd_pwrite: atOnce(fd.fdPwrite),
  fd_read: blocking(fd.fdRead),
  fd_readdir: atOnce(fdReaddir),
  fd_renumber: atOnce(fd.fdRenumber),
  fd_seek: atOnce(fd.fdSeek),
  fd_sync: atOnce(fd.fdSync),
  fd_tell: atOnce(fd.fdTell),
  fd_write: blocking(fd.fdWrite),
  path_create_directory: atOnce(path.pathCreateDirectory),
  path_filestat_get: atOnce(path.pathFilestatGet),
  path_filestat_set_times: atOnce(path.pathFilestatSetTimes),
  path_link: atOnce(path.pathLink),
  path_open: atOnce(pathOpen),
  path_readlink: atOnce(path.pathReadlink),
  path_remove_directory: atOnce(path.pathRemoveDirectory),
  path_rename: atOnce(path.pathRename),
  path_symlink: atOnce(path.pathSymlink),
  path_unlink_file: atOnce(path.pathUnlinkFile),
  poll_oneoff: blocking(pollOneoff),
  proc_exit: atOnce(procExit),
  proc_raise: atOnce(procRaise),
  random_get: atOnce(randomGet),
  sched_yield: blocking(schedYield),
  sock_accept: blocking(sockAccept),
  sock_recv: blocking(sockRecv),
  sock_send: blocking(sockSend),
  sock_shutdown: atOnce(sockShutdown),
};

/** `wasi_unstable`, whose programs are from before 2020. */
export const UNSTABLE: GuestFunctions = {
  ...PREVIEW1,
  fd_seek: atOnce(unstableFdSeek),
  fd_filestat_get: atOnce(unstableFdFilestatGet),
  path_filestat_get: atOnce(unstablePathFilestatGet),
  poll_oneoff: blocking(unstablePollOneoff),
};

function atOnce(fn: GuestFunctionRow['fn']): GuestFunctionRow {
  return { fn, blocks: false };
}

function blocking(fn: GuestFunctionRow['fn']): GuestFunctionRow {
  return { fn, blocks: true };
}
