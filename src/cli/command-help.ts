/** What the help of a command has beyond its arguments and options. */
export interface CommandHelp {
  readonly group: HelpGroup;
  /** Beyond the first sentence, where there is something that a user must know. */
  readonly more?: string;
  readonly examples: readonly (readonly [command: string, what: string])[];
}

export type HelpGroup =
  | 'Run a project:'
  | 'See what it does:'
  | 'Single instances:'
  | 'Images and modules:'
  | 'The compose file:'
  | 'This program:';

/** By name of the command, in the order of the help; `docs/cli.md` is made of it too. */
export const COMMAND_HELP: Readonly<Record<string, CommandHelp>> = {
  up: {
    group: 'Run a project:',
    more: 'Only what is missing or changed is made anew. Ctrl-C stops the services in the reverse order; a second one ends them at once.',
    examples: [
      ['up -d --wait', 'start everything and return when it is healthy'],
      ['up --build api', 'build and start one service with what it depends on'],
      ['up --dry-run', 'show the plan and change nothing'],
    ],
  },
  create: {
    group: 'Run a project:',
    examples: [
      ['create', 'everything is there and nothing runs'],
      ['create --scale worker=3', 'with three replicas of worker'],
    ],
  },
  down: {
    group: 'Run a project:',
    more: 'Volumes stay, unless -v is given. It needs no compose file where the name of the project is given.',
    examples: [
      ['down', 'remove the instances and networks'],
      ['down -v --remove-orphans', 'with its volumes, and services that the file no longer has'],
      ['-p shop down', 'by the name of the project'],
    ],
  },
  start: {
    group: 'Run a project:',
    examples: [
      ['start', 'everything that exists'],
      ['start --wait db', 'one service, until it is healthy'],
    ],
  },
  stop: {
    group: 'Run a project:',
    examples: [
      ['stop', 'everything, in the reverse order of the dependencies'],
      ['stop -t 30 db', 'one service, which has half a minute for it'],
    ],
  },
  restart: {
    group: 'Run a project:',
    examples: [
      ['restart web', 'one service, as it was made'],
      ['restart --no-deps db', 'and not what is to be restarted with it'],
    ],
  },
  scale: {
    group: 'Run a project:',
    examples: [
      ['scale worker=4', 'four instances of worker'],
      ['scale worker=4 web=2 --no-deps', 'and nothing that they depend on'],
    ],
  },
  wait: {
    group: 'Run a project:',
    examples: [
      ['wait migrate', 'until it has ended; its exit status is the one of this command'],
      ['wait --down-project tests', 'and remove the project then'],
    ],
  },
  ps: {
    group: 'See what it does:',
    examples: [
      ['ps', 'what runs'],
      ['ps -a --format json', 'also what has ended, one JSON object per line'],
      ['ps -q web', 'only ids, for scripts'],
    ],
  },
  logs: {
    group: 'See what it does:',
    examples: [
      ['logs -f', 'everything, and what comes'],
      ['logs -n 20 -t api db', 'the last lines of two services, with their time'],
    ],
  },
  events: {
    group: 'See what it does:',
    examples: [
      ['events', 'starts, exits and changes of health, as they happen'],
      ['events --json web', 'of one service, one JSON object per line'],
    ],
  },
  stats: {
    group: 'See what it does:',
    examples: [
      ['stats', 'again each second'],
      ['stats --no-stream --format json', 'once, for scripts'],
    ],
  },
  top: {
    group: 'See what it does:',
    examples: [
      ['top', 'of all services'],
      ['top web', 'of one'],
    ],
  },
  port: {
    group: 'See what it does:',
    examples: [
      ['port web 80', 'the address on this host: 0.0.0.0:49153'],
      ['port --index 2 --protocol udp dns 53', 'of the second instance'],
    ],
  },
  ls: {
    group: 'See what it does:',
    examples: [
      ['ls', 'what runs'],
      ['ls -a --format json', 'also what is stopped'],
    ],
  },
  exec: {
    group: 'Single instances:',
    more: 'A module cannot be entered: for a Wasm service use `run`, which starts a new instance of it.',
    examples: [
      ['exec db psql -U postgres', 'with a terminal, where there is one'],
      ['exec -T db pg_dump app > app.sql', 'for pipes'],
      ['exec --index 2 -u root web sh', 'in the second instance, as root'],
    ],
  },
  run: {
    group: 'Single instances:',
    more: 'What the service depends on is started first. Its ports are not published, unless -P is given.',
    examples: [
      ['run --rm api npm test', 'and remove the container'],
      ['run --rm -e DEBUG=1 -v ./data:/data tool import /data/x.csv', 'with a variable and a directory'],
      ['run --rm calc 1 + 2', 'a Wasm service: the words are its arguments'],
    ],
  },
  attach: {
    group: 'Single instances:',
    more: 'From a container with a terminal ctrl-p ctrl-q leaves. Of a Wasm service the output is shown, and with `stdin_open` it gets the input.',
    examples: [
      ['attach console', 'what it prints from now on, and what is typed'],
      ['attach --no-stdin --sig-proxy=false web', 'only look'],
    ],
  },
  cp: {
    group: 'Single instances:',
    more: 'Where files come to lie is as with `docker cp`: below a directory that is there, or by the name that is given. Files of a Wasm service are those of its mounts, with its rights.',
    examples: [
      ['cp web:/etc/nginx/nginx.conf .', 'from the first instance'],
      ['cp ./site/. web:/usr/share/nginx/html', 'what is in a directory, into all instances'],
      ['cp db:/var/lib/data - | tar t', 'as an archive'],
    ],
  },
  export: {
    group: 'Single instances:',
    examples: [
      ['export -o web.tar web', 'all files of a container'],
      ['export --index 2 web | tar t', 'of the second instance'],
    ],
  },
  kill: {
    group: 'Single instances:',
    examples: [
      ['kill', 'everything, at once'],
      ['kill -s HUP web', 'a signal'],
    ],
  },
  pause: {
    group: 'Single instances:',
    examples: [
      ['pause', 'all containers'],
      ['pause worker', 'one service'],
    ],
  },
  unpause: {
    group: 'Single instances:',
    examples: [
      ['unpause', 'all containers'],
      ['unpause worker', 'one service'],
    ],
  },
  rm: {
    group: 'Single instances:',
    examples: [
      ['rm', 'what has stopped, after a question'],
      ['rm -fsv web', 'stop it first, do not ask, with its unnamed volumes'],
    ],
  },
  build: {
    group: 'Images and modules:',
    examples: [
      ['build', 'what has a build section'],
      ['build --no-cache --build-arg VERSION=2 web', 'one, from the beginning'],
      ['build --print', 'as a file for docker buildx bake'],
    ],
  },
  pull: {
    group: 'Images and modules:',
    examples: [
      ['pull', 'all images'],
      ['pull --policy missing --include-deps api', 'what is missing for one service'],
    ],
  },
  push: {
    group: 'Images and modules:',
    examples: [
      ['push', 'all images that are built here'],
      ['push --include-deps api', 'those of one service and what it depends on'],
    ],
  },
  images: {
    group: 'Images and modules:',
    examples: [
      ['images', 'of what the instances were made'],
      ['images -q', 'only ids'],
    ],
  },
  'inspect-module': {
    group: 'Images and modules:',
    examples: [
      ['inspect-module app.wasm', 'what it imports, and whether that is there'],
      ['inspect-module --format json api', 'the module of a service'],
    ],
  },
  config: {
    group: 'The compose file:',
    examples: [
      ['config', 'with variables filled in, files merged and paths completed'],
      ['config -q', 'only check: the exit status says it'],
      ['config --services', 'one name per line'],
    ],
  },
  why: {
    group: 'The compose file:',
    examples: [
      ['why web', 'file and line of each value'],
      ['why --format json web', 'for programs'],
    ],
  },
  graph: {
    group: 'The compose file:',
    examples: [
      ['graph', 'services, what they depend on, networks and volumes, and what runs'],
      ['graph --format mermaid > graph.mmd', 'for a page'],
      ['graph --format dot | dot -Tsvg > graph.svg', 'with Graphviz'],
    ],
  },
  completion: {
    group: 'This program:',
    examples: [
      ['completion bash > ~/.local/share/bash-completion/completions/wcompose', 'for bash'],
      ['completion zsh > "${fpath[1]}/_wcompose"', 'for zsh'],
      ['completion fish > ~/.config/fish/completions/wcompose.fish', 'for fish'],
    ],
  },
  version: {
    group: 'This program:',
    examples: [
      ['version', 'and which Engine is used'],
      ['version --short', 'only the number'],
    ],
  },
};
