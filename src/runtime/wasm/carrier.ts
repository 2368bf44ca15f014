import type { FromGuest, GuestRequest, ToGuest } from './messages.ts';
import type { OutputStreamName } from './output-ring.ts';

/** Where a guest can be run: a thread, or a process. */
export interface GuestPlace {
  /** Other guests run in it, too. */
  readonly isShared: boolean;
  /** Begins the run. Nothing of `events` is called before this returns. */
  carry(request: Omit<GuestRequest, 'output'>, events: CarrierEvents): GuestCarrier;
}

/** What the place tells of the run that it carries. */
export interface CarrierEvents {
  message(message: Exclude<FromGuest, { type: 'output' }>): void;
  output(stream: OutputStreamName, bytes: Uint8Array): void;
  /** Output has to wait for now, and the guest with it once there is much of it. Whoever says so drains later. */
  readonly isBusy?: () => boolean;
  /** The guest holds the thread that it shares with others. */
  held(): void;
  /** Nothing of the run is left, and all that it printed was told. */
  gone(reason: string): void;
}

/** One run, as it is reached from the main thread of the supervisor. */
export interface GuestCarrier {
  /** How many clients wait for the guest's answer; also known while the guest computes. */
  readonly owed: number;
  /** CPU time used so far; undefined where it is not known for this guest alone. */
  cpuMs(): Promise<number | undefined>;
  post(message: ToGuest): void;
  /** Ends the place by force; `gone` follows. */
  terminate(): void;
  /** The run is over. Tells the rest of what it printed; nothing is told afterwards. */
  release(): void;
}
