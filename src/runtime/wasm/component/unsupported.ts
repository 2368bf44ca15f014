/** A part of the component model that this host does not have. */
export class UnsupportedComponentError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'UnsupportedComponentError';
  }
}
