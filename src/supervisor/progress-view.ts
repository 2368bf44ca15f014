import type { NodeView } from '../control/protocol.ts';
import type { Project, Service } from '../model/project.ts';
import type { Progress } from '../runtime/runtime.ts';
import { prepareTitle } from './apply-plan.ts';

/** A step of making a service startable, as it is told to clients. */
export function progressView(service: Service, progress: Progress, project: Project): NodeView {
  const { step, done, total, layers } = progress;
  return {
    id: 0,
    op: 'artifact.prepare',
    subject: `service:${service.name}`,
    title: prepareTitle(service, project),
    outcome: 'progress',
    detail: step,
    ...(total === undefined ? {} : { transfer: { done, total, layers: layers ?? [] } }),
  };
}
