import { runtimeContract } from './runtime.contract.ts';
import { openProcessSubject, openWasmSubject } from './wasm-subject.ts';

runtimeContract('wasm', openWasmSubject);
runtimeContract('wasm in a process', openProcessSubject);
