import type { LogRecord } from '../logs/record.ts';
import { parseInstanceId } from '../model/ids.ts';
import type { Output } from './output.ts';

export interface LogLineOptions {
  readonly prefix: boolean;
  readonly timestamps: boolean;
  /** Names of the instances that are known beforehand, for the width of the prefix. */
  readonly names: readonly string[];
}

/** Lines as docker compose prints them: `name-1  | text`, padded to the longest name known so far, a colour per service. */
export class LogLines {
  readonly #output: Output;
  readonly #options: LogLineOptions;
  readonly #colors = new Map<string, (typeof COLORS)[number]>();
  #width: number;

  constructor(output: Output, options: LogLineOptions) {
    this.#output = output;
    this.#options = options;
    this.#width = Math.max(0, ...options.names.map((name) => name.length));
  }

  format(record: LogRecord): string {
    const { service, index } = parseInstanceId(record.id);
    const name = `${service}-${index}`;
    const time = this.#options.timestamps ? `${new Date(record.at).toISOString()} ` : '';
    const text = this.#output.interactive ? defuse(record.text) : record.text;
    if (record.stream === 'system') return `${this.#output.style(this.#color(service), name)} ${time}${text}\n`;
    if (!this.#options.prefix) return `${time}${text}\n`;
    this.#width = Math.max(this.#width, name.length);
    const prefix = this.#output.style(this.#color(service), `${name.padEnd(this.#width)}  | `);
    return `${prefix}${time}${text}\n`;
  }

  #color(service: string): (typeof COLORS)[number] {
    const known = this.#colors.get(service);
    if (known !== undefined) return known;
    const color = COLORS[this.#colors.size % COLORS.length] ?? 'cyan';
    this.#colors.set(service, color);
    return color;
  }
}

/** The order in which docker compose gives colours to services. */
const COLORS = [
  'cyan',
  'yellow',
  'green',
  'magenta',
  'blue',
  'cyanBright',
  'yellowBright',
  'greenBright',
  'magentaBright',
  'blueBright',
] as const;

/** Keeps colours and tabs; shows every other control character, so that a service cannot take over the terminal. */
function defuse(text: string): string {
  return text.replaceAll(CONTROL, (match) => (SGR.test(match) ? match : visible(match)));
}

function visible(sequence: string): string {
  return Array.from(sequence, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f || (code >= 0x80 && code < 0xa0) ? '\u{fffd}' : char;
  }).join('');
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /\u001b\[[\d;:]*[\u0040-\u007e]|[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
// oxlint-disable-next-line no-control-regex -- see above
const SGR = /^\u001b\[[\d;:]*m$/;
