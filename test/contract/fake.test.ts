import { openFakeSubject } from './fake-subject.ts';
import { runtimeContract } from './runtime.contract.ts';

runtimeContract('fake', openFakeSubject);
