/** The variables that say which Docker Engine a client means; unset ones are left out. */
export type EngineEnv = Readonly<Record<string, string>>;

export function pickEngineEnv(env: Readonly<Record<string, string | undefined>>): EngineEnv {
  return Object.fromEntries(
    ENGINE_VARIABLES.flatMap((name) => {
      const value = env[name] ?? '';
      return value === '' ? [] : [[name, value]];
    }),
  );
}

/** The same environment with another choice of the Engine. */
export function withEngineEnv(env: NodeJS.ProcessEnv, chosen: EngineEnv): NodeJS.ProcessEnv {
  const rest = Object.entries(env).filter(([name]) => !ENGINE_VARIABLES.includes(name));
  return { ...Object.fromEntries(rest), ...chosen };
}

const ENGINE_VARIABLES: readonly string[] = [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CONFIG',
  'DOCKER_TLS',
  'DOCKER_TLS_VERIFY',
  'DOCKER_CERT_PATH',
];
