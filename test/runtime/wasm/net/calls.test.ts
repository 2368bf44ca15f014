import { describe, test } from 'vitest';

import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { AT, type CallName, SocketGuest } from './socket-guest.ts';

describe('addresses in each of their forms', () => {
  for (const length of [4, 16, 128] as const) {
    test(`${length} bytes can be bound`, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      const fd = await guest.open();
      expect(await guest.call('sock_bind', fd, guest.address('10.9.0.2', length), 8080)).toBe(0);
    });
  }

  test('another length is none', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    guest.address('0.0.0.0');
    guest.view.setUint32(AT.address + 4, 6, true);
    expect(await guest.call('sock_bind', fd, AT.address, 8080)).toBe(Errno.INVAL);
  });

  test('a buffer outside of memory is FAULT', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    guest.view.setUint32(AT.address, 0xffff_fff0, true);
    expect(await guest.call('sock_bind', fd, AT.address, 8080)).toBe(Errno.FAULT);
  });

  test('the second form is told with its family, port in the order of the machine', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(8080, '10.9.0.2');
    expect(await guest.call('sock_getlocaladdr', listener, guest.address('0.0.0.0', 128), AT.result)).toBe(0);
    expect(Array.from(guest.bytes.slice(AT.ip, AT.ip + 8))).toEqual([1, 0, 10, 9, 0, 2, 0, 0]);
    expect(guest.view.getUint32(AT.result, true)).toBe(8080);
  });

  test('the first form is told in the first four bytes of sixteen, with the type 4', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(8080, '10.9.0.2');
    const address = guest.address('0.0.0.0', 16);
    expect(await guest.call('sock_getlocaladdr', listener, address, AT.result, AT.result2)).toBe(0);
    expect(Array.from(guest.bytes.slice(AT.ip, AT.ip + 6))).toEqual([10, 9, 0, 2, 0, 0]);
    expect(guest.view.getUint32(AT.result, true)).toBe(4);
    expect(guest.view.getUint32(AT.result2, true)).toBe(8080);
  });

  test('the peer is who the first line says, also when it has gone', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    const client = await guest.client(80, '10.9.0.44 5555\n');
    const fd = await guest.accept(listener);
    client.destroy();
    expect(await guest.recv(fd)).toBe('');
    expect(await guest.call('sock_getpeeraddr', fd, guest.address('0.0.0.0', 128), AT.result)).toBe(0);
    expect(Array.from(guest.bytes.slice(AT.ip + 2, AT.ip + 6))).toEqual([10, 9, 0, 44]);
    expect(guest.view.getUint32(AT.result, true)).toBe(5555);
  });

  test('a socket that is not connected has no peer', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    const address = guest.address('0.0.0.0', 16);
    expect(await guest.call('sock_getpeeraddr', fd, address, AT.result, AT.result2)).toBe(Errno.NOTCONN);
  });
});

describe('options', () => {
  const TYPE = 1;
  const ACCEPTCONN = 13;

  test('the type of a socket, 1 datagram and 2 stream', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    for (const type of [1, 2]) {
      const fd = await guest.open(type);
      guest.view.setUint32(AT.result2, 4, true);
      expect(await guest.call('sock_getsockopt', fd, 0, TYPE, AT.result, AT.result2)).toBe(0);
      expect(guest.view.getUint32(AT.result, true)).toBe(type);
    }
  });

  test('a small number instead of the pointer to a size is the size', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.listener(80);
    expect(await guest.call('sock_getsockopt', fd, 0, ACCEPTCONN, AT.result, 4)).toBe(0);
    expect(guest.view.getUint32(AT.result, true)).toBe(1);
  });

  test("the level of wasi-libc is as good as WasmEdge's", async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    expect(await guest.call('sock_getsockopt', fd, 0x7fff_ffff, TYPE, AT.result, 4)).toBe(0);
  });

  const rows: readonly (readonly [string, number, number, number, number])[] = [
    ['reusing an address', 0, 0, 4, 0],
    ['a pointer where the size belongs', 0, 0, AT.result2, 0],
    ['an unknown level is ignored', 6, 1, 4, 0],
    ['a time-out of reads', 0, 11, 8, Errno.NOTSUP],
    ['an unknown option', 0, 77, 4, Errno.NOPROTOOPT],
  ];
  for (const [name, level, option, size, errno] of rows) {
    test(`setting: ${name}`, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      const fd = await guest.open();
      expect(await guest.call('sock_setsockopt', fd, level, option, AT.data, size)).toBe(errno);
    });
  }
});

describe('names', () => {
  const [NODE, SERVICE, HINTS, SLOT, ENTRY, SOCKADDR, DATA] = [0x700, 0x740, 0x760, 0x790, 0x7a0, 0x7d0, 0x7e0];

  /** Asks as a guest does, with a list of one entry; the answer's port and address, or the errno. */
  async function look(guest: SocketGuest, node: string, service = '', family = 0): Promise<string | number> {
    const { view, bytes } = guest;
    bytes.set(Buffer.from(node), NODE);
    bytes.set(Buffer.from(service), SERVICE);
    bytes.fill(0, HINTS, DATA + 26);
    view.setUint8(HINTS + 2, family);
    view.setUint32(SLOT, ENTRY, true);
    view.setUint32(ENTRY + 12, SOCKADDR, true);
    view.setUint32(SOCKADDR + 8, DATA, true);
    const lengths = [Buffer.byteLength(node), Buffer.byteLength(service)] as const;
    const errno = await guest.call(
      'sock_getaddrinfo',
      NODE,
      lengths[0],
      SERVICE,
      lengths[1],
      HINTS,
      SLOT,
      4,
      AT.result,
    );
    if (errno !== 0) return errno;
    const count = view.getUint32(AT.result, true);
    return `${count}: ${bytes.slice(DATA + 2, DATA + 6).join('.')}:${view.getUint16(DATA, false)}`;
  }

  const rows: readonly (readonly [string, string, string, number, string | number])[] = [
    ['a service of the project', 'db', '5432', 0, '1: 10.9.0.5:5432'],
    ['one of several addresses, never more', 'many', '', 0, '1: 10.9.0.6:0'],
    ['with the NUL of a C string', 'db\0', 'http\0', 0, '1: 10.9.0.5:80'],
    ['an address is its own name', '10.1.2.3', '1', 0, '1: 10.1.2.3:1'],
    ['localhost', 'localhost', 'redis', 0, '1: 127.0.0.1:6379'],
    ['no name: itself', '', '80', 0, '1: 127.0.0.1:80'],
    ['a service nobody knows does not matter', 'db', 'quux', 0, '1: 10.9.0.5:0'],
    ['no such name', 'nobody', '80', 0, Errno.AINONAME],
    ['neither name nor service', '', '', 0, Errno.AINONAME],
    ['only IPv6 will do', 'db', '', 2, Errno.AIFAMILY],
  ];
  for (const [name, node, service, family, answer] of rows) {
    test(name, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      guest.names.set('db', ['10.9.0.5']);
      guest.names.set('many', ['10.9.0.6', '10.9.0.7']);
      expect(await look(guest, node, service, family)).toBe(answer);
    });
  }

  test('the entry is filled in as its fields are', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    await look(guest, '10.1.2.3', '80');
    const { view } = guest;
    expect({
      family: view.getUint8(ENTRY + 2),
      type: view.getUint8(ENTRY + 3),
      protocol: view.getUint8(ENTRY + 4),
      length: view.getUint32(ENTRY + 8, true),
      canonicalName: view.getUint32(ENTRY + 20, true),
      addressFamily: view.getUint8(SOCKADDR),
      dataLength: view.getUint32(SOCKADDR + 4, true),
    }).toEqual({
      family: 1,
      type: 2,
      protocol: 1,
      length: 16,
      canonicalName: 0,
      addressFamily: 1,
      dataLength: 14,
    });
  });
});

describe('the name server of guests that bring their own resolver', () => {
  const QUERY = Buffer.from('abcd010000010000000000000264620000010001', 'hex');
  const ANSWER = Buffer.from('abcd818000010001000000000264620000010001c00c000100010000000500040a090005', 'hex');

  test('answers over TCP, length and message in one read', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    guest.names.set('db', ['10.9.0.5']);
    const fd = await guest.open();
    expect(await guest.call('sock_connect', fd, guest.address('127.0.0.11'), 53)).toBe(0);
    await guest.call('fd_fdstat_set_flags', fd, 0);
    guest.bytes.set([0, QUERY.length, ...QUERY], AT.data);
    guest.view.setUint32(AT.iovec, AT.data, true);
    guest.view.setUint32(AT.iovec + 4, QUERY.length + 2, true);
    expect(await guest.call('sock_send', fd, AT.iovec, 1, 0, AT.result)).toBe(0);
    await guest.recv(fd);
    const length = guest.view.getUint32(AT.result, true);
    expect(Buffer.from(guest.bytes.slice(AT.data, AT.data + length))).toEqual(
      Buffer.concat([Buffer.from([0, ANSWER.length]), ANSWER]),
    );
  });

  test('answers over UDP', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    guest.names.set('db', ['10.9.0.5']);
    const fd = await guest.open(1);
    guest.bytes.set(QUERY, AT.data);
    guest.view.setUint32(AT.iovec, AT.data, true);
    guest.view.setUint32(AT.iovec + 4, QUERY.length, true);
    expect(await guest.call('sock_send_to', fd, AT.iovec, 1, guest.address('127.0.0.11'), 53, 0, AT.result)).toBe(0);
    guest.view.setUint32(AT.iovec + 4, 512, true);
    const args = [fd, AT.iovec, 1, guest.address('0.0.0.0', 128), 0, AT.result2, AT.result, 0x900] as const;
    expect(await guest.call('sock_recv_from', ...args)).toBe(0);
    const length = guest.view.getUint32(AT.result, true);
    expect(Buffer.from(guest.bytes.slice(AT.data, AT.data + length))).toEqual(ANSWER);
    expect(guest.view.getUint32(AT.result2, true)).toBe(53);
    expect(Array.from(guest.bytes.slice(AT.ip + 2, AT.ip + 6))).toEqual([127, 0, 0, 11]);
  });
});

describe('what is no socket', () => {
  const calls: readonly (readonly [CallName, readonly number[]])[] = [
    ['sock_bind', [1, AT.address, 80]],
    ['sock_listen', [1, 128]],
    ['sock_accept', [1, AT.result]],
    ['sock_shutdown', [1, 3]],
    ['sock_getlocaladdr', [1, AT.address, AT.result]],
    ['sock_getsockopt', [1, 0, 1, AT.result, 4]],
  ];
  for (const [name, args] of calls) {
    test(`${name} of stdout: NOTSOCK`, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      expect(await guest.call(name, ...args)).toBe(Errno.NOTSOCK);
    });
    test(`${name} of nothing: BADF`, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      expect(await guest.call(name, 99, ...args.slice(1))).toBe(Errno.BADF);
    });
  }

  test('neither TCP nor UDP cannot be opened', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    expect(await guest.call('sock_open', 1, 3, AT.result)).toBe(Errno.NOTSUP);
    expect(await guest.call('sock_open', 3, 2, AT.result)).toBe(Errno.AFNOSUPPORT);
    expect(await guest.call('sock_open_v2', 1, 2, AT.result)).toBe(0);
  });
});
