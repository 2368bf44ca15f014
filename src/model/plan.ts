import type { InstanceId } from './ids.ts';
import type { DependencyCondition, NetworkSpec, Service, VolumeSpec } from './project.ts';
import type { ObservedInstance, ObservedResource } from './state.ts';

/** One operation is one call on one driver. */
export type Operation =
  | { readonly op: 'network.create'; readonly network: NetworkSpec }
  | { readonly op: 'network.remove'; readonly network: ObservedResource }
  | { readonly op: 'volume.create'; readonly volume: VolumeSpec }
  | { readonly op: 'volume.remove'; readonly volume: ObservedResource }
  /** Make an image by its Dockerfile, or a module by its command. */
  | { readonly op: 'artifact.build'; readonly service: Service }
  | { readonly op: 'artifact.push'; readonly service: Service; readonly image: string }
  /** Pull an image, or read and compile a module. */
  | { readonly op: 'artifact.prepare'; readonly service: Service }
  | {
      readonly op: 'instance.create';
      readonly id: InstanceId;
      readonly service: Service;
      readonly index: number;
      /** It does not get the unnamed volumes of the one that it replaces. */
      readonly renewVolumes?: boolean | undefined;
      /** It is made beside this one, under another name, and gets its unnamed volumes. */
      readonly replaces?: ObservedInstance | undefined;
    }
  /** What was made beside another takes its name: the other is gone. */
  | { readonly op: 'instance.rename'; readonly id: InstanceId; readonly service: Service; readonly index: number }
  | { readonly op: 'instance.start'; readonly id: InstanceId }
  | {
      readonly op: 'instance.await';
      readonly id: InstanceId;
      readonly condition: AwaitCondition;
      readonly required: boolean;
    }
  | { readonly op: 'instance.stop'; readonly instance: ObservedInstance; readonly graceMs: number }
  | { readonly op: 'instance.remove'; readonly instance: ObservedInstance };

/** `ready`: running, and healthy where it has a healthcheck; what `--wait` waits for. */
export type AwaitCondition = DependencyCondition | 'ready';

export interface PlanNode {
  readonly id: number;
  readonly operation: Operation;
  /** `service:web#1`, `volume:data`: what the user sees. */
  readonly subject: string;
  /** Why the planner wants it: `not found`, `config changed`, `scale down`. */
  readonly cause: string;
  /** Always smaller than `id`, so the list is in topological order by construction. */
  readonly needs: readonly number[];
}

export interface Plan {
  readonly nodes: readonly PlanNode[];
}
