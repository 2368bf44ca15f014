/**
 * A file of the package, by its path from the package's root. The client's sources in this directory and its bundle are
 * as deep as each other, so this is right in both; a file one directory further down would not be.
 */
export function packageFile(path: string): URL {
  return new URL(`../../${path}`, import.meta.url);
}
