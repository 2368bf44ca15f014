import { test } from 'vitest';

import { docker, TestProject } from './project.ts';

const COMPOSE = `
services:
  box:
    image: wcompose-test/busybox:latest
    command: [sh, -c, "cat /run/secrets/held; ls -ln /etc/written; cat /etc/written"]
    deploy: {mode: global}
    pull_policy: every_1000000h
    secrets: [held]
    configs: [{source: written, target: /etc/written, uid: "12", mode: 0640}]
    networks: {front: {ipv4_address: 10.211.77.7}}
    volumes:
      - {type: bind, source: ., target: /data, bind: {propagation: rprivate}}
networks:
  front:
    attachable: true
    ipam: {config: [{subnet: 10.211.77.0/24, gateway: 10.211.77.1}]}
secrets: {held: {environment: HELD}}
configs: {written: {content: "written\\n"}}
`;

test('files with content of their own, addresses of a network, and what this Engine is too old for', async ({
  expect,
}) => {
  await using project = new TestProject('attributes', { HELD: 'a secret\n' }).write({ 'compose.yaml': COMPOSE });
  const up = await project.run('up', '-d');
  expect(up.code, up.stderr).toBe(0);
  const logs = await project.run('logs', '--no-log-prefix', 'box');
  expect(logs.stdout).toMatch(/^a secret\n-rw-r----- +1 12 +0 +8 .* \/etc\/written\nwritten$/m);
  const format = '{{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 0).Gateway}} {{.Attachable}}';
  const network = await docker('network', 'inspect', `${project.name}_front`, '--format', format);
  expect(network.trim()).toBe('10.211.77.0/24 10.211.77.1 true');
  expect((await project.run('config')).stdout).not.toContain('a secret');

  const image = '      - {type: image, source: wcompose-test/busybox, target: /image}\n';
  project.write({ 'compose.yaml': COMPOSE.replace('    volumes:\n', `    volumes:\n${image}`) });
  const refused = await project.run('up', '-d');
  const [api] = (await docker('version', '--format', '{{.Server.APIVersion}}')).trim().split('\n');
  if (Number(api?.split('.')[1]) >= 48) expect(refused.code, refused.stderr).toBe(0);
  else {
    expect(refused.stderr).toContain(
      `services.box.volumes[0]: type: image needs a Docker Engine with API 1.48; this one has ${api}`,
    );
  }
});
