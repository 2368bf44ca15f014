/** The text of docs/wasm-attributes.md. */
export function wasmAttributesPage(): string;
