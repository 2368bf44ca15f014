import type { BindOptions, MountSpec } from '../../model/project.ts';
import type { ResolvedMount } from '../runtime.ts';

type Body = Readonly<Record<string, unknown>>;

/** Mounts of HostConfig. `host` is what the `tmpfs` attribute has put there already. */
export function mountsBody(resolved: readonly ResolvedMount[], host: Body): Body {
  const tmpfs = resolved.filter((mount) => mount.spec.type === 'tmpfs').map(tmpfsEntry);
  const relabelled = resolved.filter((mount) => mount.spec.bind?.selinux !== undefined);
  return {
    Mounts: resolved.filter((mount) => mount.spec.type !== 'tmpfs' && !relabelled.includes(mount)).map(mountBody),
    // Only the older form of a bind can ask for a label.
    ...(relabelled.length === 0 ? {} : { Binds: relabelled.map(bindText) }),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: { ...(host['Tmpfs'] as Body | undefined), ...Object.fromEntries(tmpfs) } }),
  };
}

function mountBody({ spec, hostPath, engineVolume }: ResolvedMount): Body {
  const common = { Target: spec.target, ReadOnly: spec.readOnly };
  if (spec.type === 'bind') {
    return { ...common, Type: 'bind', Source: hostPath ?? spec.source, ...bindOptions(spec.bind) };
  }
  if (spec.type === 'image') {
    const options = spec.subpath === undefined ? {} : { ImageOptions: { Subpath: spec.subpath } };
    return { ...common, Type: 'image', Source: spec.source, ...options };
  }
  // A directory that the Engine has no volume for.
  if (engineVolume === undefined && hostPath !== undefined) return { ...common, Type: 'bind', Source: hostPath };
  return {
    ...common,
    Type: 'volume',
    // Without a source the Engine makes a volume that has no name of ours.
    ...(engineVolume === undefined ? {} : { Source: engineVolume }),
    ...volumeOptions(spec),
  };
}

function bindOptions(options: BindOptions | undefined): Body {
  if (options === undefined) return {};
  const { propagation, recursive } = options;
  const body = {
    ...(propagation === undefined ? {} : { Propagation: propagation }),
    ...(recursive === 'disabled' ? { NonRecursive: true } : {}),
    ...(recursive === 'writable' ? { ReadOnlyNonRecursive: true } : {}),
    ...(recursive === 'readonly' ? { ReadOnlyForceRecursive: true } : {}),
  };
  return Object.keys(body).length === 0 ? {} : { BindOptions: body };
}

function bindText({ spec, hostPath }: ResolvedMount): string {
  const options = [spec.readOnly ? 'ro' : 'rw', spec.bind?.selinux ?? '', spec.bind?.propagation ?? ''];
  return `${hostPath ?? spec.source}:${spec.target}:${options.filter((option) => option !== '').join(',')}`;
}

function volumeOptions(spec: MountSpec): Body {
  const body = {
    ...(spec.noCopy ? { NoCopy: true } : {}),
    ...(spec.labels === undefined ? {} : { Labels: spec.labels }),
    ...(spec.subpath === undefined ? {} : { Subpath: spec.subpath }),
  };
  return Object.keys(body).length === 0 ? {} : { VolumeOptions: body };
}

function tmpfsEntry({ spec }: ResolvedMount): readonly [string, string] {
  const options = [
    ...(spec.sizeBytes === undefined ? [] : [`size=${spec.sizeBytes}`]),
    ...(spec.mode === undefined ? [] : [`mode=${spec.mode.toString(8)}`]),
    ...(spec.readOnly ? ['ro'] : []),
  ];
  return [spec.target, options.join(',')];
}
