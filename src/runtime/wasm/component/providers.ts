/** What would have an interface that this host does not have: the package of its name, and what to do. */
const PROVIDERS: readonly (readonly [RegExp, string])[] = [
  [/^wasi:keyvalue\//, 'wasi:keyvalue is of wasmCloud and Spin: use a service such as redis over wasi:sockets'],
  [/^wasi:blobstore\//, 'wasi:blobstore is of wasmCloud: use a volume through wasi:filesystem'],
  [/^wasi:(config|runtime-config)\//, 'wasi:config is of wasmCloud and Spin: use `environment:`'],
  [/^wasi:logging\//, 'wasi:logging is of wasmCloud: write to stderr'],
  [/^wasi:messaging\//, 'wasi:messaging is of wasmCloud: use a service such as nats over wasi:sockets'],
  [/^wasi:nn\//, 'wasi:nn is of wasmtime and WasmEdge, with a native library'],
  [/^wasi:tls\//, 'wasi:tls is a draft: bring TLS along in the program'],
  [/^(spin|fermyon):/, 'it is of Spin: its SDK works with `spin up` only'],
  [/^wasmcloud:/, 'it is of wasmCloud'],
  [/^wasi:.*@0\.3\./, 'it was built for WASI 0.3; build it for WASI 0.2'],
  [/^wasi:.*@0\.2\.0-rc/, 'it was built for a draft of WASI 0.2; build it anew with the tools of today'],
  [/^wasi:/, 'the host has wasi:cli, clocks, filesystem, http, io, random and sockets of WASI 0.2'],
];

/** In words, for the hint of an error. */
export function providerOf(missing: string): string {
  const found = PROVIDERS.find(([pattern]) => pattern.test(missing));
  return found?.[1] ?? 'it belongs to another component: compose the two into one (`wac plug`)';
}
