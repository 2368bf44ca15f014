#!/usr/bin/env node
/*
 * Plain JavaScript that any Node can read: an old one gets the pinned Node of the checkout, or one line that says what
 * is missing. CommonJS, because Node starts it without its module loader.
 */
'use strict';
const { existsSync } = require('node:fs');
const path = require('node:path');

const NEEDED = [24, 12];
const BUILT = 'dist/cli/main.cjs';

const root = path.resolve(__dirname, '..');
const pinned = path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const args = process.argv.slice(2);

if (!isOld(process.versions.node)) run();
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

function run() {
  if (!usesSources()) return void require(path.join(root, BUILT)).main(args);
  const { pathToFileURL } = require('node:url');
  void import(pathToFileURL(path.join(root, 'src/cli/main.ts')).href).then(({ main }) => main(args));
}

/**
 * A package has no sources, only the build. In a checkout the sources are right and the build is fast (stripping types
 * costs about half a second a command): the build runs as long as it was made from exactly these sources.
 */
function usesSources() {
  if (!existsSync(path.join(root, 'src'))) return false;
  return !require('../scripts/sources.mjs').isBuilt(root);
}

/** Goes on as the other Node: in this same process where Node can, else as a child whose end becomes ours. */
function runOn(node) {
  if (process.execve !== undefined) process.execve(node, [node, __filename, ...args], process.env);
  const { spawn } = require('node:child_process');
  const child = spawn(node, [__filename, ...args], { stdio: 'inherit' });
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
