import type { Project } from '../model/project.ts';
import type { PullFlag } from './up-flags.ts';

/** The project with one policy for all of its images; `policy` leaves each what the file says. */
export function withPullPolicy(project: Project, flag: PullFlag | undefined): Project {
  if (flag === undefined || flag === 'policy') return project;
  const services = Object.entries(project.services).map(
    ([name, service]) => [name, service.kind === 'container' ? { ...service, pullPolicy: flag } : service] as const,
  );
  return { ...project, services: Object.fromEntries(services) };
}
