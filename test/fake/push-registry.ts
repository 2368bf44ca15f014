import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A registry on the loopback address that takes images and gives none back. Without a login it takes everything. */
export interface PushRegistry extends AsyncDisposable {
  /** `localhost:<port>` */
  readonly host: string;
  /** `repository:tag` of what was pushed. */
  readonly images: readonly string[];
}

export async function openPushRegistry(login?: string): Promise<PushRegistry> {
  const store = new Store();
  const expected = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const allowed = expected === undefined || request.headers.authorization === expected;
    const [status, headers] = allowed
      ? store.answer(request, body)
      : [401, { 'WWW-Authenticate': 'Basic realm="test"' }];
    response.writeHead(status, { 'Docker-Distribution-Api-Version': 'registry/2.0', ...headers }).end();
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as { port: number };
  return {
    host: `localhost:${port}`,
    images: store.images,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Answer = readonly [status: number, headers: Readonly<Record<string, string>>];

class Store {
  readonly images: string[] = [];
  readonly #blobs = new Set<string>();
  readonly #uploads = new Map<string, Buffer>();

  answer(request: IncomingMessage, body: Buffer): Answer {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/v2/') return [200, {}];
    const [, repository = '', kind = '', name = ''] = /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === 'manifests') return this.#manifest(`${repository}:${name}`, request.method, body);
    if (name.startsWith('sha256:')) return this.#blobs.has(name) ? [200, { 'Content-Length': '1' }] : [404, {}];
    return this.#upload(url, request.method ?? '', body);
  }

  #manifest(image: string, method: string | undefined, body: Buffer): Answer {
    if (method !== 'PUT') return [404, {}];
    this.images.push(image);
    return [201, { 'Docker-Content-Digest': digestOf(body) }];
  }

  /** POST begins one, PATCH adds to it, PUT ends it with its digest. */
  #upload(url: URL, method: string, body: Buffer): Answer {
    const id = method === 'POST' ? randomUUID() : (url.pathname.split('/').at(-1) ?? '');
    const bytes = Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), body]);
    this.#uploads.set(id, bytes);
    if (method !== 'PUT') {
      const path = url.pathname.replace(/\/uploads\/.*$/, '/uploads/');
      const range = `0-${Math.max(0, bytes.length - 1)}`;
      return [202, { Location: `${path}${id}`, 'Docker-Upload-UUID': id, Range: range }];
    }
    const digest = url.searchParams.get('digest') ?? '';
    if (digestOf(bytes) !== digest) return [400, {}];
    this.#blobs.add(digest);
    return [201, { 'Docker-Content-Digest': digest }];
  }
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
