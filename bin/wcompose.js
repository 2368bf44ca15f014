#!/usr/bin/env node
/*
 * Plain JavaScript that any Node can read: an old one gets the pinned Node of the checkout, or one line that says what
 * is missing.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = [24, 12];

const self = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(self), '..');
const pinned = path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const args = process.argv.slice(2);

if (!isOld(process.versions.node)) void run();
else if (existsSync(pinned)) runOn(pinned);
else {
  const needs = `wcompose needs Node ${NEEDED.join('.')} or newer; this is ${process.version}`;
  process.stderr.write(`${needs} (${process.execPath}): install a newer Node and run wcompose with it\n`);
  process.exitCode = 1;
}

function isOld(version) {
  const [major, minor] = version.split('.').map(Number);
  return major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
}

async function run() {
  // Compiled code is kept between runs: a command starts in about half the time.
  if (process.env.NODE_COMPILE_CACHE === undefined) {
    const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
    module.enableCompileCache(path.join(cache, 'wcompose', 'compiled'));
  }
  const { main } = await import(pathToFileURL(path.join(root, await entry())).href);
  await main(args);
}

/**
 * A package has no sources, only the build. In a checkout the sources are right and the build is fast (stripping types
 * costs about half a second a command): the build runs as long as it was made from exactly these sources.
 */
async function entry() {
  const built = 'dist/cli/main.js';
  if (!existsSync(path.join(root, 'src'))) return built;
  const { SOURCES_FILE, describeSources } = await import('../scripts/sources.mjs');
  const stamp = path.join(root, SOURCES_FILE);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === describeSources(root) ? built : 'src/cli/main.ts';
}

/** Goes on as the other Node: in this same process where Node can, else as a child whose end becomes ours. */
function runOn(node) {
  if (process.execve !== undefined) process.execve(node, [node, self, ...args], process.env);
  const child = spawn(node, [self, ...args], { stdio: 'inherit' });
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    // What is typed at a terminal reaches the child too: passed on, one Ctrl-C would count as two.
    const typed = terminal && (signal === 'SIGINT' || signal === 'SIGQUIT');
    process.on(signal, () => typed || child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`wcompose cannot run ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
