import { connect } from 'node:net';

import type { CgiOptions, WasmService } from '../../../../src/model/project.ts';
import type { LogCollector } from '../../../fake/log-collector.ts';
import { tcpPort, wasmService } from '../../../fake/wasm-service.ts';
import type { Started, WasmBench } from '../wasm-bench.ts';

export interface CgiUp extends Started {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly logs: LogCollector;
}

/** A service that answers with the CGI program of the tests. */
export function cgiService(
  cgi: CgiOptions = {},
  more: Partial<WasmService> = {},
  args: readonly string[] = [],
): WasmService {
  return wasmService(more.name ?? 'web', 'cgi', args, { interface: 'cgi', ports: [tcpPort(8080)], cgi, ...more });
}

export async function upCgi(bench: WasmBench, service: WasmService): Promise<CgiUp> {
  const started = await bench.up(service);
  const url = (await bench.url(started.id)).slice(0, -1);
  return { ...started, url, port: Number(new URL(url).port) };
}

/** Sends bytes and returns all that comes back, up to the end of the connection. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  let answer = '';
  socket.write(text, 'latin1');
  try {
    for await (const chunk of socket) answer += (chunk as Buffer).toString('latin1');
  } catch (error) {
    return `${answer}<${(error as NodeJS.ErrnoException).code}>`;
  }
  return answer;
}

export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return [`${line} HTTP/1.1`, 'Host: example.test:8000', 'Connection: close', ...headers, '', body].join('\r\n');
}
