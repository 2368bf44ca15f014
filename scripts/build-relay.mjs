/**
 * Builds relay/bin/relay-{amd64,arm64} from relay/relay.c: static, stripped, the same bytes from the same tools.
 *
 *   node scripts/build-relay.mjs                    build both, write relay/bin/{SHA256SUMS,toolchain.json}
 *   node scripts/build-relay.mjs --check [arch]     build one (amd64) elsewhere and compare; prints a JSON line
 *
 * On Debian 12:  apt-get install musl-tools
 * and for arm64: apt-get install gcc-aarch64-linux-gnu; dpkg --add-architecture arm64; apt-get update
 * (musl for arm64 is taken out of Debian's package musl-dev:arm64, which cannot be installed beside the native one.)
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'relay/relay.c');
const bin = join(root, 'relay/bin');
const ARCHS = ['amd64', 'arm64'];
const FLAGS = ['-std=gnu17', '-O2', '-static', '-Wall', '-Wextra', '-Werror', '-s', '-Wl,--build-id=none'];

const COMPILERS = {
  amd64: { gcc: 'x86_64-linux-gnu-gcc', triple: 'x86_64-linux-musl' },
  arm64: { gcc: 'aarch64-linux-gnu-gcc', triple: 'aarch64-linux-musl' },
};

const run = (file, args, options = {}) =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options }).trim();
const firstLine = (text) => text.split('\n')[0];
const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The root below which musl is installed for the architecture. */
function muslRoot(arch, work) {
  if (arch === 'amd64') return '';
  run('apt-get', ['download', 'musl-dev:arm64'], { cwd: work });
  const deb = readdirSync(work).find((name) => name.startsWith('musl-dev_') && name.endsWith('_arm64.deb'));
  run('dpkg-deb', ['-x', join(work, deb), join(work, 'musl')]);
  return join(work, 'musl');
}

/** Compiles into `work`; returns the binary's path and what made it. */
function build(arch, work) {
  const { gcc, triple } = COMPILERS[arch];
  const musl = muslRoot(arch, work);
  const specs = join(work, 'musl-gcc.specs');
  const given = readFileSync(join(musl, '/usr/lib', triple, 'musl-gcc.specs'), 'utf8');
  writeFileSync(
    specs,
    given
      .replaceAll(`/usr/include/${triple}`, `${musl}/usr/include/${triple}`)
      .replaceAll(`/usr/lib/${triple}`, `${musl}/usr/lib/${triple}`),
  );
  const out = join(work, `relay-${arch}`);
  run(gcc, [...FLAGS, '-specs', specs, '-o', out, 'relay.c'], {
    cwd: join(root, 'relay'),
    env: { ...process.env, SOURCE_DATE_EPOCH: '0' },
  });
  const linker = run(gcc, ['-print-prog-name=ld']);
  return {
    out,
    toolchain: {
      compiler: firstLine(run(gcc, ['--version'])),
      linker: firstLine(run(linker, ['--version'])),
      libc: sha256(join(musl, '/usr/lib', triple, 'libc.a')),
      libgcc: sha256(run(gcc, ['-print-libgcc-file-name'])),
    },
  };
}

function withWork(task) {
  const work = mkdtempSync(join(tmpdir(), 'build-relay-'));
  try {
    return task(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function buildAll() {
  const made = { source: sha256(source), flags: FLAGS };
  const sums = [];
  for (const arch of ARCHS) {
    withWork((work) => {
      const { out, toolchain } = build(arch, work);
      copyFileSync(out, join(bin, `relay-${arch}`));
      sums.push(`${sha256(out)}  relay-${arch}\n`);
      made[arch] = toolchain;
    });
  }
  writeFileSync(join(bin, 'SHA256SUMS'), sums.join(''));
  writeFileSync(join(bin, 'toolchain.json'), `${JSON.stringify(made, undefined, 2)}\n`);
}

/** `{compared: true, same}`, or `{compared: false, why}` when these tools are not those of the committed binary. */
function check(arch) {
  const { gcc, triple } = COMPILERS[arch];
  if (arch === 'amd64' && !existsSync(`/usr/lib/${triple}/musl-gcc.specs`))
    return { compared: false, why: 'musl-tools is not installed' };
  const recorded = JSON.parse(readFileSync(join(bin, 'toolchain.json'), 'utf8'))[arch];
  return withWork((work) => {
    const { out, toolchain } = build(arch, work);
    const differing = Object.keys(toolchain).filter((part) => toolchain[part] !== recorded[part]);
    if (differing.length > 0) {
      const list = differing.map((part) => `${part} ${toolchain[part]} (recorded: ${recorded[part]})`).join(', ');
      return { compared: false, why: `${gcc} is not what the committed binary was built with: ${list}` };
    }
    return { compared: true, same: readFileSync(out).equals(readFileSync(join(bin, `relay-${arch}`))) };
  });
}

const [mode, arch = 'amd64'] = process.argv.slice(2);
if (mode === '--check') process.stdout.write(`${JSON.stringify(check(arch))}\n`);
else buildAll();
