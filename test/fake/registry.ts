import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';

/**
 * A registry on the loopback address, from which an Engine pulls without TLS. It has one image in one version, with
 * one layer of random bytes, and tells what was asked of it.
 */
export interface FakeRegistry extends AsyncDisposable {
  /** `localhost:<port>` */
  readonly host: string;
  /** Of the image's manifest: `sha256:…` */
  readonly digest: string;
  readonly authorizations: readonly string[];
}

export interface FakeRegistryOptions {
  readonly repository: string;
  readonly tag: string;
  readonly layerBytes?: number;
  readonly architecture?: string;
  /** Says no to everyone who does not bring this name and password. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Wants tokens, which `/token` hands out to those who may have them, as the large registries do. */
  readonly tokens?: boolean;
  /** Does not say the digest of a manifest. */
  readonly keepsDigests?: boolean;
  /** Cuts the connection in the middle of the layer. */
  readonly breaks?: boolean;
}

export async function openRegistry(options: FakeRegistryOptions): Promise<FakeRegistry> {
  const image = await makeImage(options);
  const authorizations: string[] = [];
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization ?? '');
    const { login } = options;
    if (options.tokens === true && answerTokens(request, response, login)) return;
    if (options.tokens !== true && login !== undefined && !isAllowed(request, login)) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="test"' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    answer(request, response, image, options);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as { port: number };
  return {
    host: `localhost:${port}`,
    digest: digestOf(image.manifest),
    authorizations,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Image {
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layer: Buffer;
}

async function makeImage(options: FakeRegistryOptions): Promise<Image> {
  const archive = pack();
  archive.entry({ name: 'noise' }, randomBytes(options.layerBytes ?? 1024).toString('latin1'));
  archive.finalize();
  const tar = await buffer(archive);
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? 'amd64',
      os: 'linux',
      config: { Cmd: ['/noise'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created: '2026-01-01T00:00:00Z' }],
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: config.length,
        digest: digestOf(config),
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          size: layer.length,
          digest: digestOf(layer),
        },
      ],
    }),
  );
  return { manifest, config, layer };
}

function answer(request: IncomingMessage, response: ServerResponse, image: Image, options: FakeRegistryOptions): void {
  const base = `/v2/${options.repository}`;
  const send = (type: string, body: Buffer): void => {
    response.writeHead(200, {
      'Content-Type': type,
      'Content-Length': body.length,
      ...(options.keepsDigests === true ? {} : { 'Docker-Content-Digest': digestOf(body) }),
    });
    if (request.method === 'HEAD') response.end();
    else if (body === image.layer && options.breaks === true) {
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
    } else response.end(body);
  };
  switch (request.url ?? '') {
    case '/v2/':
      return send('application/json', Buffer.from('{}'));
    case `${base}/manifests/${options.tag}`:
    case `${base}/manifests/${digestOf(image.manifest)}`:
      return send(MANIFEST, image.manifest);
    case `${base}/blobs/${digestOf(image.config)}`:
      return send('application/octet-stream', image.config);
    case `${base}/blobs/${digestOf(image.layer)}`:
      return send('application/octet-stream', image.layer);
    default:
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  }
}

/** Whether the answer is given: a token, or that one is needed. */
function answerTokens(
  request: IncomingMessage,
  response: ServerResponse,
  login: FakeRegistryOptions['login'],
): boolean {
  const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
  if (url.pathname === '/token') {
    if (login !== undefined && !isAllowed(request, login)) response.writeHead(401).end('{}');
    else response.end(JSON.stringify({ token: `${TOKEN} for ${url.searchParams.get('scope')}` }));
    return true;
  }
  if (request.headers.authorization?.startsWith(`Bearer ${TOKEN}`) === true) return false;
  const challenge = `Bearer realm="${url.origin}/token",service="test"`;
  response.writeHead(401, { 'WWW-Authenticate': challenge }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  return true;
}

const TOKEN = 'a-token';

function isAllowed(request: IncomingMessage, login: { readonly username: string; readonly password: string }): boolean {
  const expected = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
