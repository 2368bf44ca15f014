import {
  PREVIEW1_SIGNATURES,
  type SignatureTable,
  THREADS_SIGNATURES,
  WAMR_SIGNATURES,
  WASMEDGE_SIGNATURES,
} from './signatures.ts';

/** A function that a module wants of its host. */
export interface WantedImport {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
  readonly signature?: string | undefined;
}

/** Where an import comes from, and what to do when it is not here. */
export interface Dialect {
  /** As its users call it. */
  readonly name: string;
  readonly isProvided: boolean;
  /** What would provide it, or how to build instead. */
  readonly hint: string;
}

/** The dialect of an import, whether it is provided or not. */
export function dialectOf(wanted: WantedImport): Dialect {
  return ROWS.find(({ matches }) => matches(wanted)) ?? UNKNOWN;
}

interface Row extends Dialect {
  readonly matches: (wanted: WantedImport) => boolean;
}

const WASI_MODULES: ReadonlySet<string> = new Set(['wasi_snapshot_preview1', 'wasi_unstable']);
const WASIP1 = 'build it for wasm32-wasip1 (wasm32-wasi)';

const UNKNOWN: Dialect = {
  name: 'unknown',
  isProvided: false,
  hint: `it is made for a host of its own; ${WASIP1}`,
};

/** The first that matches counts. */
const ROWS: readonly Row[] = [
  {
    name: 'memory of the host',
    isProvided: true,
    hint: '',
    matches: ({ kind }) => kind === 'memory',
  },
  {
    name: 'wasi-threads',
    isProvided: true,
    hint: '',
    matches: (wanted) => wanted.module === 'wasi' && isOf(THREADS_SIGNATURES, wanted),
  },
  {
    name: 'WASI preview 1',
    isProvided: true,
    hint: '',
    matches: (wanted) => wanted.module === 'wasi_snapshot_preview1' && isOf(PREVIEW1_SIGNATURES, wanted),
  },
  {
    name: 'WASI unstable (snapshot 0)',
    isProvided: true,
    hint: '',
    matches: (wanted) => wanted.module === 'wasi_unstable' && isOf(PREVIEW1_SIGNATURES, wanted),
  },
  {
    name: 'WasmEdge sockets',
    isProvided: true,
    hint: '',
    matches: (wanted) =>
      WASI_MODULES.has(wanted.module) && isOf(WASMEDGE_SIGNATURES, { ...wanted, name: plain(wanted.name) }),
  },
  {
    name: 'WAMR sockets',
    isProvided: true,
    hint: '',
    matches: (wanted) => WASI_MODULES.has(wanted.module) && isOf(WAMR_SIGNATURES, wanted),
  },
  {
    // There are headers with a wrong declaration of a function that is never called: it answers NOSYS.
    name: 'WasmEdge sockets',
    isProvided: true,
    hint: '',
    matches: ({ module, name, kind }) =>
      WASI_MODULES.has(module) && kind === 'function' && Object.hasOwn(WASMEDGE_SIGNATURES, plain(name)),
  },
  {
    name: 'WASI preview 1 with 64-bit numbers in two halves',
    isProvided: false,
    hint: 'link with -sWASM_BIGINT, or build with wasi-sdk',
    matches: ({ module, name, signature }) =>
      WASI_MODULES.has(module) &&
      (PREVIEW1_SIGNATURES[name] ?? []).some((type) => type.includes('I')) &&
      isLegalised(signature),
  },
  row('WAMR sockets', /^wasi_(snapshot_preview1|unstable)$/, /^sock_[gs]et_\w+$/, {
    hint: 'of WAMR this host has TCP, UDP and names, and not this option: build without it',
  }),
  row('WASI preview 1', /^wasi_(snapshot_preview1|unstable)$/, /./, {
    hint: 'no version of WASI preview 1 has this function: look which library or tool declares it',
  }),
  row('WASIX', /^wasix_/, /./, {
    hint: `it needs WASIX (threads, fork, sockets of Wasmer), which this host does not have; ${WASIP1}`,
  }),
  row('wasi-nn', /^wasi_(ephemeral_)?nn$/, /./, {
    hint: 'no inference engine is in this host: run a model server in a container and ask it over the network',
  }),
  row('wasi-crypto', /^wasi_ephemeral_crypto/, /./, {
    hint: 'use a library that is compiled into the module (ring, RustCrypto, mbedTLS)',
  }),
  row('a proposal of WASI', /^wasi_ephemeral_/, /./, { hint: `no host functions of proposals are here; ${WASIP1}` }),
  row('WasmEdge plug-in', /^wasmedge_/, /./, {
    hint: 'plug-ins of WasmEdge are native libraries, which this host does not load: leave the feature out',
  }),
  row('WASI 0.2 or 0.3', /^(\[export\])?wasi:|^cm32p2/, /./, {
    hint: 'it is the inside of a component: name the component itself (wasm-tools component new, cargo component)',
  }),
  row('Go for JavaScript', /^(gojs|go)$/, /./, {
    hint: 'it was built with GOOS=js; build it with GOOS=wasip1 GOARCH=wasm (Go 1.21 or newer; TinyGo: -target=wasip1)',
  }),
  row('wasm-bindgen', /^(wbg|__wbindgen\w*|\.\/.*\.js)$/, /./, {
    hint: 'it needs JavaScript around it; build for wasm32-wasip1, without the js features of getrandom, chrono or uuid',
  }),
  row('ruby.wasm for JavaScript', /^(rb-js-abi-host|rb-abi-guest|canonical_abi)$/, /./, {
    hint: 'it is a library for JavaScript programs and no program',
  }),
  row('Extism', /^extism:/, /./, { hint: `it is a plug-in of Extism and no program; ${WASIP1}` }),
  row('proxy-wasm', /^env$/, /^proxy_/, { hint: 'it is a filter of a proxy: run it in Envoy or nginx in a container' }),
  row('AssemblyScript', /^env$/, /^(abort|trace|seed|console\.\w+|Date\.now|performance\.now|process\.\w+)$/, {
    hint: 'build it with the configuration of @assemblyscript/wasi-shim: asc --config node_modules/@assemblyscript/wasi-shim/asconfig.json',
  }),
  row(
    'Emscripten',
    /^(env|a)$/,
    /^(_?_?emscripten_|__syscall_|__cxa_|invoke_|_abort_js|_tzset_js|setTempRet0|_[a-z_]+_js$|exit$)/,
    {
      hint: 'link it with -sSTANDALONE_WASM, or build it with wasi-sdk: else it needs the JavaScript that Emscripten makes',
    },
  ),
  row('Emscripten', /^a$/, /^.{1,2}$/, {
    hint: 'link it with -sSTANDALONE_WASM, or build it with wasi-sdk: else it needs the JavaScript that Emscripten makes',
  }),
  row('a function that was not linked', /^env$/, /./, {
    hint: 'the linker did not find it and left it to the host: link the library that has it, without --allow-undefined',
  }),
];

function row(name: string, module: RegExp, functions: RegExp, more: { readonly hint: string }): Row {
  return {
    name,
    isProvided: false,
    ...more,
    matches: (wanted) => module.test(wanted.module) && functions.test(wanted.name),
  };
}

function isOf(table: SignatureTable, { name, kind, signature }: WantedImport): boolean {
  if (kind !== 'function' || !Object.hasOwn(table, name)) return false;
  return signature === undefined || table[name]?.includes(signature) === true;
}

function plain(name: string): string {
  return name.endsWith('_v2') ? name.slice(0, -'_v2'.length) : name;
}

/** Emscripten's way to pass 64-bit numbers where JavaScript has no BigInt: no i64 is left. */
function isLegalised(signature: string | undefined): boolean {
  return signature !== undefined && !signature.includes('I');
}
