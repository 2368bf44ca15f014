/** The text of schemas/wcompose.json. */
export function wcomposeSchema(): string;
