import { createServer } from 'node:net';
import { join } from 'node:path';

import { instanceId } from '../../src/model/ids.ts';
import { planeChoice } from '../../src/net/plane.ts';
import { createFabric } from '../../src/net/project-fabric.ts';
import { openEngine } from './docker.ts';
import { container, project, wasm } from './projects.ts';

/**
 * A process of its own that attaches `web` on the network `default`, listens on 8080 and says `ready`:
 * `node hold-relay.ts <project> <run directory> <plane>`.
 */
const [name = '', runDir = '', net = ''] = process.argv.slice(2);
const service = wasm('web');
const desired = project([service, container('client')], {}, name);
const fabric = createFabric({
  project: desired.name,
  runDir,
  engine: async () => await openEngine(),
  plane: planeChoice({ WCOMPOSE_NET: net }),
  onNotice: (message) => process.stderr.write(`${message}\n`),
});
fabric.setProject(desired);
const signal = AbortSignal.timeout(60_000);
const web = instanceId('web', 1);
const { socketDir } = await fabric.attach(web, service, signal);
createServer((socket) => socket.resume().end(`held by ${process.getuid?.()}`)).listen(join(socketDir, '8080'));
await fabric.setListening(web, 8080, true, signal);
process.stdout.write('ready\n');
