import { runtimeContract } from './runtime.contract.ts';
import { openWasmSubject } from './wasm-subject.ts';

runtimeContract('wasm', openWasmSubject);
