import { openContainerSubject } from './container-subject.ts';
import { runtimeContract } from './runtime.contract.ts';

runtimeContract('container', openContainerSubject);
