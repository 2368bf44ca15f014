import { describe, test } from 'vitest';

import { projectDirs } from '../../src/control/project-dirs.ts';
import { projectName } from '../../src/model/ids.ts';

/** sun_path less its NUL. */
const SOCKET_LIMIT = 107;

describe('where a project keeps its files', () => {
  test('follows XDG where it is set', ({ expect }) => {
    const env = { HOME: '/home/ann', XDG_RUNTIME_DIR: '/run/user/1', XDG_STATE_HOME: '/state', XDG_DATA_HOME: '/data' };
    const dirs = projectDirs(projectName('shop'), env);
    expect([dirs.socket, dirs.project, dirs.volumes]).toEqual([
      '/run/user/1/wcompose/shop/ctl.sock',
      '/state/wcompose/shop/project.json',
      '/data/wcompose/volumes',
    ]);
  });

  test('is below HOME otherwise', ({ expect }) => {
    const dirs = projectDirs(projectName('shop'), { HOME: '/home/ann' });
    expect([dirs.socket, dirs.project, dirs.volumes]).toEqual([
      '/home/ann/.local/state/wcompose/run/shop/ctl.sock',
      '/home/ann/.local/state/wcompose/shop/project.json',
      '/home/ann/.local/share/wcompose/volumes',
    ]);
  });

  test.for([
    ['a long name', 'n'.repeat(200), '/home/ann'],
    ['a long home directory', 'shop', `/home/${'h'.repeat(150)}`],
    ['both', 'n'.repeat(200), `/home/${'h'.repeat(150)}`],
  ] as const)('a socket path fits the kernel: %s', ([, name, home], { expect }) => {
    const { run } = projectDirs(projectName(name), { HOME: home });
    expect(`${run}/n/9999/65535`.length).toBeLessThanOrEqual(SOCKET_LIMIT);
  });

  test('a relative XDG directory is ignored, as the specification says', ({ expect }) => {
    expect(projectDirs(projectName('shop'), { HOME: '/h', XDG_STATE_HOME: 'state' }).state).toBe(
      '/h/.local/state/wcompose/shop',
    );
  });

  test('two long names that begin alike do not share a directory', ({ expect }) => {
    const env = { HOME: '/home/ann' };
    const [a, b] = ['a', 'b'].map((end) => projectDirs(projectName('n'.repeat(60) + end), env).run);
    expect(a).not.toBe(b);
  });
});
