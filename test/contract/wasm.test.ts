import { runtimeContract } from './runtime.contract.ts';
import { openWasmSubject } from './wasm-subject.ts';

runtimeContract('wasm', openWasmSubject);
runtimeContract('wasm in a process', async () => await openWasmSubject('process'));
