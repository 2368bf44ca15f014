import { describe, test } from 'vitest';

import { fittedTable } from '../../src/ui/fit-rows.ts';

const HEADER = ['NAME', 'IMAGE', 'CREATED', 'PORTS'];
const ROWS = [
  ['shop-web-1', 'registry.example/team/nginx:1.29', '2 minutes ago', '0.0.0.0:80->80/tcp, [::]:80->80/tcp'],
];
const fit = (width: number | undefined): string =>
  fittedTable(HEADER, ROWS, { width, shorten: ['PORTS', 'IMAGE'], drop: ['CREATED', 'IMAGE'] }).split('\n')[1] ?? '';

describe('a table that has to fit', () => {
  test.for([
    [undefined, 'shop-web-1   registry.example/team/nginx:1.29   2 minutes ago   0.0.0.0:80->80/tcp, [::]:80->80/tcp'],
    [99, 'shop-web-1   registry.example/team/nginx:1.29   2 minutes ago   0.0.0.0:80->80/tcp, [::]:80->80/tcp'],
    [90, 'shop-web-1   registry.example/team/nginx:1.29   2 minutes ago   0.0.0.0:80->80/tcp +1'],
    [75, 'shop-web-1   …ple/team/nginx:1.29   2 minutes ago   0.0.0.0:80->80/tcp +1'],
    [60, 'shop-web-1   …ple/team/nginx:1.29   0.0.0.0:80->80/tcp +1'],
    [40, 'shop-web-1   0.0.0.0:80->80/tcp +1'],
    [10, 'shop-web-1   0.0.0.0:80->80/tcp +1'],
  ] as const)('%s columns', ([width, line], { expect }) => {
    expect(fit(width)).toBe(line);
  });
});
