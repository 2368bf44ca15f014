// Makes schemas/wcompose.json: the schema of the Compose Specification plus the keys of wcompose.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** The whole schema as text. */
export function wcomposeSchema() {
  const schema = JSON.parse(readFileSync(path.join(root, 'schemas', 'compose-spec.json'), 'utf8'));
  const { service, service_hook: hook } = schema.definitions;
  const build = service.properties.build.oneOf.find((form) => form.type === 'object');
  build.properties.no_cache_filter = {
    $ref: '#/definitions/string_or_list',
    description: 'Stages that are built without the cache.',
  };
  service.properties.pre_start = {
    type: 'array',
    items: { $ref: '#/definitions/pre_start_hook' },
    description: 'Commands that run to their end before the service starts, each in a container of its own.',
  };
  service.properties['x-wasm'] = { $ref: '#/definitions/x_wasm' };
  schema.properties['x-wcompose'] = { $ref: '#/definitions/x_wcompose' };
  schema.definitions.pre_start_hook = preStartHook(hook);
  schema.definitions.x_wasm = X_WASM;
  schema.definitions.x_wcompose = X_WCOMPOSE;
  return `${JSON.stringify({ ...schema, $id: 'wcompose.json', title: 'wcompose' }, undefined, 2)}\n`;
}

const flag = { type: ['boolean', 'string'] };
const port = { type: ['integer', 'string'], minimum: 1, maximum: 65_535 };

function preStartHook(hook) {
  return {
    type: 'object',
    description: 'A command that runs to its end before the service starts.',
    properties: {
      ...hook.properties,
      image: { type: 'string', description: 'Image it runs in; the one of the service where this is left out.' },
      per_replica: { ...flag, description: 'Run it once for each replica instead of once for the service.' },
    },
    additionalProperties: false,
    patternProperties: hook.patternProperties,
  };
}

const X_WASM = {
  type: 'object',
  description: 'How the service runs as WebAssembly. A service with this key is a Wasm service.',
  properties: {
    module: { type: 'string', description: 'File of the module: a core module or a component.' },
    runtime: {
      type: 'string',
      description: 'A language runtime of the catalogue, such as python@3.12; `command` names the script.',
    },
    spin: { type: 'string', description: 'Manifest of a Spin application.' },
    build: {
      type: 'object',
      description: 'How the module is made, on the host and without the Engine.',
      properties: {
        command: {
          description: 'A text runs in a shell, a list of words is run as it is.',
          oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
        },
        output: { type: 'string', description: 'File of the module that the command makes.' },
        watch: {
          description: 'What `watch` builds anew on; the build context where this is left out.',
          oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
        },
      },
      required: ['command', 'output'],
      additionalProperties: false,
    },
    interface: {
      enum: ['auto', 'command', 'sockets', 'http', 'cgi'],
      default: 'auto',
      description: 'How the module is talked to; `auto` looks at its imports and exports. `cgi` is always said.',
    },
    engine: { enum: ['native', 'wasmer'], default: 'native', description: 'What runs the module.' },
    isolation: {
      enum: ['worker', 'shared', 'process'],
      default: 'worker',
      description: '`process`: a process of its own for each instance, for code that is not trusted.',
    },
    listen_fd: {
      type: ['integer', 'string'],
      minimum: 3,
      description: 'Descriptor of the first listener; after the directories where this is left out.',
    },
    connect: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:[0-9]{1,5}$' },
      uniqueItems: true,
      description:
        'Connections (host:port) that are open when the module starts, on the descriptors after its listeners. WCOMPOSE_CONNECT_FDS has them as `db:5432=4,cache:6379=5`. A service that is named is a dependency.',
    },
    outbound: {
      description: 'Narrows connections to the outside to these host:port. `none`: nothing outside of the networks.',
      oneOf: [{ const: 'none' }, { type: 'array', items: { type: 'string' } }],
    },
    cgi: {
      type: 'object',
      description:
        'With `interface: cgi`: the module is run anew for each HTTP request that comes to the TCP ports of `ports` and `expose`, or to port 80 where there are none.',
      properties: {
        concurrency: {
          type: ['integer', 'string'],
          minimum: 1,
          maximum: 4096,
          default: 64,
          description: 'Requests at a time.',
        },
        queue: {
          type: ['integer', 'string'],
          minimum: 0,
          default: 256,
          description: 'Requests that may wait for their turn; more get 503.',
        },
        timeout: {
          type: 'string',
          default: '60s',
          description: 'How long a request may go without input or output, before it gets 504 and is ended.',
        },
        body_limit: {
          type: ['string', 'integer'],
          default: '1g',
          description: 'Largest body of a request; larger ones get 413.',
        },
        root: {
          type: 'string',
          description: "DOCUMENT_ROOT: a directory of the module's files; that of `script` where this is left out.",
        },
        script: {
          type: 'string',
          description:
            'SCRIPT_FILENAME, for a module that is an interpreter such as php-cgi: answers every path that does not go through a file with the same ending.',
        },
      },
      additionalProperties: false,
    },
    http: {
      type: 'object',
      description: 'For a component that answers wasi:http.',
      properties: {
        instances: {
          enum: ['per-request', 'kept'],
          default: 'per-request',
          description:
            '`kept`: an instance answers one request after the other, which is quicker; what the program has in memory stays from one to the next. For programs that can: those of JavaScript cannot.',
        },
      },
      additionalProperties: false,
    },
    swap: {
      enum: ['overlap', 'restart'],
      default: 'overlap',
      description: 'How a new version takes the place of the old one.',
    },
    healthcheck: {
      description: 'The test; its times come from `healthcheck`.',
      type: 'object',
      properties: {
        http: {
          type: 'object',
          description: 'A request that must be answered.',
          properties: { port, path: { type: 'string', default: '/' } },
          required: ['port'],
          additionalProperties: false,
        },
        tcp: {
          type: 'object',
          description: 'A connection that must be taken.',
          properties: { port },
          required: ['port'],
          additionalProperties: false,
        },
      },
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

const X_WCOMPOSE = {
  type: 'object',
  description: 'Settings of the project.',
  properties: {
    publish: {
      type: 'string',
      description: 'Address at which ports are published that name none; all interfaces where this is left out.',
    },
    catalogs: { type: 'array', items: { type: 'string' }, description: 'Files with more language runtimes.' },
  },
  additionalProperties: false,
};

if (import.meta.filename === process.argv[1]) {
  writeFileSync(path.join(root, 'schemas', 'wcompose.json'), wcomposeSchema());
}
