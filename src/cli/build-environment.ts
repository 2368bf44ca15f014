import type { Project } from '../model/project.ts';

/** The variables of this environment that builds of the project take secrets and the SSH agent from; no others leave it. */
export function buildEnvironment(
  project: Project,
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): Readonly<Record<string, string>> {
  const builds = Object.values(project.services).flatMap((service) => service.imageBuild ?? []);
  const secrets = builds.flatMap((build) => build.secrets.flatMap((secret) => secret.environment ?? []));
  const usesAgent = more.length > 0 || builds.some((build) => Object.keys(build.ssh).length > 0);
  const names = new Set([...secrets, ...(usesAgent ? ['SSH_AUTH_SOCK'] : [])]);
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
