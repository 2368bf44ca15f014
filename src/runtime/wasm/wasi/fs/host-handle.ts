import fs from 'node:fs';

/** A descriptor of the host that several hold; the last one to release it closes it. */
export class HostHandle {
  readonly fd: number;
  readonly #onClose: () => void;
  #holders = 1;

  constructor(fd: number, onClose: () => void = () => undefined) {
    this.fd = fd;
    this.#onClose = onClose;
  }

  /** For one more holder, who releases it once. */
  retain(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders > 0) return;
    fs.closeSync(this.fd);
    this.#onClose();
  }
}
