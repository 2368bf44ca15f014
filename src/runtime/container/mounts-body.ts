import type { ResolvedMount } from '../runtime.ts';

type Body = Readonly<Record<string, unknown>>;

/** Mounts of HostConfig. `host` is what the `tmpfs` attribute has put there already. */
export function mountsBody(resolved: readonly ResolvedMount[], host: Body): Body {
  const tmpfs = resolved.filter((mount) => mount.spec.type === 'tmpfs').map(tmpfsEntry);
  return {
    Mounts: resolved.filter((mount) => mount.spec.type !== 'tmpfs').map(mountBody),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: { ...(host['Tmpfs'] as Body | undefined), ...Object.fromEntries(tmpfs) } }),
  };
}

function mountBody({ spec, hostPath, engineVolume }: ResolvedMount): Body {
  const common = { Target: spec.target, ReadOnly: spec.readOnly };
  if (spec.type === 'bind') return { ...common, Type: 'bind', Source: hostPath ?? spec.source };
  // A directory that the Engine has no volume for.
  if (engineVolume === undefined && hostPath !== undefined) return { ...common, Type: 'bind', Source: hostPath };
  return {
    ...common,
    Type: 'volume',
    // Without a source the Engine makes a volume that has no name of ours.
    ...(engineVolume === undefined ? {} : { Source: engineVolume }),
    ...(spec.noCopy ? { VolumeOptions: { NoCopy: true } } : {}),
  };
}

function tmpfsEntry({ spec }: ResolvedMount): readonly [string, string] {
  const options = [
    ...(spec.sizeBytes === undefined ? [] : [`size=${spec.sizeBytes}`]),
    ...(spec.readOnly ? ['ro'] : []),
  ];
  return [spec.target, options.join(',')];
}
