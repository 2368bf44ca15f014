import type { Readable } from 'node:stream';

import type { BuildOptions, ImageBuild } from '../model/image-build.ts';
import type { ContainerService } from '../model/project.ts';
import type { Progress } from './runtime.ts';

/** What is done with images, beyond making sure that one is there. */
export interface ContainerImages {
  /** Undefined when the Engine has no such image. */
  inspect(reference: string, signal: AbortSignal): Promise<ImageFacts | undefined>;
  /** By the service's pull policy. */
  pull(service: ContainerService, progress: (step: Progress) => void, signal: AbortSignal): Promise<void>;
  /** Throws ERR_PUSH_FAILED. */
  push(reference: string, progress: (step: Progress) => void, signal: AbortSignal): Promise<void>;
  /** Returns the image's id. Throws ERR_BUILD_FAILED, which shows the step and what it printed. */
  build(request: ImageBuildRequest, progress: BuildProgress, signal: AbortSignal): Promise<string>;
  /** The archive of `docker save`. */
  save(reference: string, signal: AbortSignal): Promise<Readable>;
}

export interface ImageFacts {
  readonly id: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly workingDir: string;
}

export interface ImageBuildRequest {
  /** Of the service, for messages. */
  readonly service: string;
  readonly build: ImageBuild;
  readonly options: BuildOptions;
  /** Names of the result, the service's image first. */
  readonly tags: readonly string[];
  /** Beyond those of the file. */
  readonly labels: Readonly<Record<string, string>>;
  /** None: the Engine's own. */
  readonly platforms: readonly string[];
  /** Variables of the caller that secrets and the SSH agent are taken from. */
  readonly environment: Readonly<Record<string, string>>;
  /** The image of each service whose result is a context of this build. */
  readonly serviceImages: Readonly<Record<string, string>>;
}

/** What a builder tells while it works. */
export interface BuildProgress {
  /** A step begins, or was found in the cache: `[2/3] RUN make`. */
  readonly step: (name: string, cached: boolean) => void;
  /** One line that a step printed. */
  readonly line: (text: string, stream: 'stdout' | 'stderr') => void;
}
