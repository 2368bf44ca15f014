import { WcError } from '../../model/diagnostic.ts';
import type { ErrorCode, SourceRef } from '../../model/diagnostic.ts';
import type { ContainerService, MountSpec } from '../../model/project.ts';

/** The Engine answered with a status that the call does not expect. Never reaches a user: see `explain`. */
export class EngineError extends Error {
  readonly operation: string;
  readonly status: number;
  /** The Engine's own words. */
  readonly detail: string;

  constructor(operation: string, status: number, detail: string) {
    super(`${operation}: ${status} ${detail}`);
    this.name = 'EngineError';
    this.operation = operation;
    this.status = status;
    this.detail = detail;
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): error is EngineError {
  return error instanceof EngineError && statuses.includes(error.status);
}

/** What the failed call was about, in the user's own names. */
export interface ErrorSubject {
  /** `start container guestbook-web-1`, after "cannot". */
  readonly doing: string;
  readonly service?: ContainerService | undefined;
  readonly source?: SourceRef | undefined;
}

/**
 * The error a user sees for a refusal of the Engine; the raw text stays in `cause`. What is no refusal (an abort,
 * the Engine is away, an error of ours) passes unchanged.
 */
export function explain(error: unknown, subject: ErrorSubject): unknown {
  if (!(error instanceof EngineError)) return error;
  for (const row of REFUSALS) {
    const match = row.pattern.exec(error.detail);
    if (match !== null && (row.status === undefined || row.status === error.status)) {
      const { code, message, hint, source } = row.explain(
        match.slice(1).filter((group) => group !== undefined),
        subject,
        error.detail,
      );
      return new WcError(code, message, { hint, source: source ?? sourceOf(subject), cause: error });
    }
  }
  return new WcError('ERR_ENGINE_REFUSED', `cannot ${subject.doing}: the Engine says: ${oneLine(error.detail)}`, {
    source: sourceOf(subject),
    cause: error,
  });
}

/** Runs an Engine call; what it throws is explained. */
export async function explained<T>(subject: ErrorSubject, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explain(error, subject);
  }
}

interface Explanation {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly source?: SourceRef | undefined;
}

interface Refusal {
  /** Undefined: the status differs between Engine versions. */
  readonly status?: number;
  readonly pattern: RegExp;
  readonly explain: (groups: readonly string[], subject: ErrorSubject, detail: string) => Explanation;
}

/** One row per refusal; the first that matches wins. Patterns are the words of Engine 20.10 to 29. */
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /Bind for (.+):(\d+) failed: port is already allocated/,
    explain: ([address = '', port = ''], subject) => portInUse(address, port, 'another container', subject),
  },
  {
    pattern: /listen (?:tcp|udp)[46]? (.+):(\d+): bind: address already in use/,
    explain: ([address = '', port = ''], subject) => portInUse(address, port, 'another program', subject),
  },
  {
    pattern: /failed to bind host port (?:for )?(\[[^\]]*\]|[^\s:]+):(\d+)[/:].*address already in use/,
    explain: ([address = '', port = ''], subject) => portInUse(address, port, 'another program', subject),
  },
  {
    pattern:
      /(?:listen (?:tcp|udp)[46]?|host port(?: for)?) (\[[^\]]*\]|[^\s:]+):(\d+).*(?:cannot assign requested address|permission denied)/,
    explain: ([address = '', port = ''], subject) => ({
      code: 'ERR_PORT_IN_USE',
      message: `cannot ${subject.doing}: the Engine may not listen on ${address}:${port}`,
      hint: 'the address must be one of this host; ports below 1024 need an Engine with that right',
      source: portSource(address, Number(port), subject),
    }),
  },
  {
    status: 404,
    pattern: /[Nn]o such image: (\S+)/,
    explain: ([image = '']) => ({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: `image ${image} is not on the Engine`,
      hint: `docker pull ${image}`,
    }),
  },
  {
    pattern: /image with reference (\S+) was found but (?:its platform|does not match)/,
    explain: ([image = '']) => ({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: `image ${image} on the Engine is for another platform than the service asks for`,
    }),
  },
  {
    status: 409,
    pattern: /container name "\/?(.+?)" is already in use/,
    explain: ([name = '']) => ({
      code: 'ERR_NAME_TAKEN',
      message: `container name "${name}" is already in use by a container that is not of this project`,
      hint: `rename the service's container (container_name) or remove the other one: docker rm -f ${name}`,
    }),
  },
  {
    pattern: /(?:could not find an available, non-overlapping|all predefined address pools)/,
    explain: (_groups, subject) => ({
      code: 'ERR_ENGINE_REFUSED',
      message: `cannot ${subject.doing}: the Engine has no free address range left`,
      hint: 'remove networks nobody uses: docker network prune',
    }),
  },
  {
    pattern: /bind source path does not exist: (.+)/,
    explain: ([path = ''], subject) => ({
      code: 'ERR_MOUNT',
      message: `bind source path does not exist: ${path}`,
      hint: 'the path is one of the machine on which the Engine runs',
      source: mountSource((mount) => mount.source === path.trim(), subject),
    }),
  },
  {
    pattern: /error mounting "([^"]*)" to rootfs at "([^"]*)".*not a directory/s,
    explain: ([from = '', to = ''], subject) => ({
      code: 'ERR_MOUNT',
      message: `cannot ${subject.doing}: one of ${from} and ${to} in the image is a file and the other is a directory`,
      source: mountSource((mount) => mount.target === to, subject),
    }),
  },
  {
    pattern: /(Duplicate mount point: |invalid mount path: ')([^']+)/,
    explain: ([what = '', target = ''], subject) => ({
      code: 'ERR_MOUNT',
      message: what.startsWith('Duplicate')
        ? `cannot ${subject.doing}: two mounts have the target ${target}`
        : `cannot ${subject.doing}: the mount target ${target} must be an absolute path`,
      source: mountSource((mount) => mount.target === target.trim(), subject),
    }),
  },
  {
    pattern: /(?:invalid mount config|failed to mount local volume|error while mounting volume|error mounting)/,
    explain: (_groups, subject, detail) => ({
      code: 'ERR_MOUNT',
      message: `cannot ${subject.doing}: a mount does not work: ${oneLine(detail)}`,
    }),
  },
  {
    pattern: /exec: "([^"]*)": (?:executable file not found|stat .*no such file|permission denied|is a directory)/,
    explain: ([program = ''], subject) => ({
      code: 'ERR_COMMAND',
      message: `cannot ${subject.doing}: its command cannot be run: ${program}`,
      hint: 'check command, entrypoint and the image: is the program in it, and executable?',
    }),
  },
  {
    pattern: /unable to find (user|group) (\S+?):/,
    explain: ([kind = '', name = ''], subject) => ({
      code: 'ERR_COMMAND',
      message: `cannot ${subject.doing}: its image has no ${kind} ${name}`,
      hint: `a number always works: user: "1000:1000"`,
    }),
  },
  {
    pattern: /invalid reference format/,
    explain: (_groups, subject) => ({
      code: 'ERR_COMPOSE_INVALID',
      message: `not the name of an image: ${subject.service?.image ?? ''}`,
      hint: 'an image is named in small letters: [registry/]name[:tag]',
    }),
  },
  {
    pattern: /network (\S+) is ambiguous/,
    explain: ([name = '']) => ({
      code: 'ERR_NETWORK',
      message: `the Engine has several networks named ${name}`,
      hint: `see docker network ls --filter name=${name} and remove all but one by id`,
    }),
  },
  {
    status: 404,
    pattern: /network (\S+) not found/,
    explain: ([name = '']) => ({
      code: 'ERR_NETWORK',
      message: `network ${name} does not exist`,
      hint: 'somebody removed it; run the command again',
    }),
  },
  {
    pattern: /no space left on device/,
    explain: (_groups, subject) => ({
      code: 'ERR_ENGINE_REFUSED',
      message: `cannot ${subject.doing}: the Engine's disk is full`,
      hint: 'see docker system df, docker system prune',
    }),
  },
];

function portInUse(address: string, port: string, by: string, subject: ErrorSubject): Explanation {
  return {
    code: 'ERR_PORT_IN_USE',
    message: `cannot ${subject.doing}: ${address}:${port} is in use by ${by}`,
    hint: 'stop what uses the port, or publish another one (ports:)',
    source: portSource(address, Number(port), subject),
  };
}

function portSource(address: string, port: number, subject: ErrorSubject): SourceRef | undefined {
  const candidates = subject.service?.ports.filter((one) => one.published === port) ?? [];
  const plain = address.replaceAll(/^\[|\]$/g, '');
  return (candidates.find((one) => one.hostIp === plain) ?? candidates[0])?.source;
}

function mountSource(which: (mount: MountSpec) => boolean, subject: ErrorSubject): SourceRef | undefined {
  return subject.service?.mounts.find(which)?.origin;
}

function sourceOf(subject: ErrorSubject): SourceRef | undefined {
  return subject.source ?? subject.service?.source;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
