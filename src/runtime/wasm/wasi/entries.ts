/** What runs of a module, in this order: a library's set-up, a program. */
export const ENTRIES = ['_initialize', '_start'] as const;
