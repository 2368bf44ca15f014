import { describe, test } from 'vitest';

import { formatImageName, parseImageName } from '../../src/registry/image-name.ts';

const HASH = 'a'.repeat(64);

describe('names of images in full, as docker reads them', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.29-alpine', 'docker.io/library/nginx:1.29-alpine'],
    ['me/app', 'docker.io/me/app:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/me/app:1', 'docker.io/me/app:1'],
    ['ghcr.io/a/b/c:1', 'ghcr.io/a/b/c:1'],
    ['localhost/a', 'localhost/a:latest'],
    ['localhost:5000/a:1', 'localhost:5000/a:1'],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    [`nginx:1@sha256:${HASH}`, `docker.io/library/nginx@sha256:${HASH}`],
    ['Nginx', undefined],
    ['a b', undefined],
    ['a:', undefined],
    ['a@sha256:12', undefined],
    ['a/', undefined],
    ['-a', undefined],
    ['a'.repeat(256), undefined],
  ];
  for (const [text, expected] of cases) {
    test(text.slice(0, 40), ({ expect }) => {
      const name = parseImageName(text);
      expect(name === undefined ? undefined : formatImageName(name)).toBe(expected);
    });
  }
});
