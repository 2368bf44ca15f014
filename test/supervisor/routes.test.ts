import { describe, test } from 'vitest';

import type { Call } from '../../src/control/server.ts';
import { createRoutes } from '../../src/supervisor/routes.ts';
import type { RouteParts } from '../../src/supervisor/routes.ts';

const never = new AbortController().signal;

/** A call with a body that its route does not take. */
function call(body: unknown): Call<never> {
  return { body: body as never, query: new URLSearchParams(), signal: never };
}

describe('routes of the control socket', () => {
  for (const route of ['PUT /v1/project', 'DELETE /v1/project', 'POST /v1/services'] as const) {
    test(`${route}: a request that fails at once ends its own stream with the error, and nothing else`, async ({
      expect,
    }) => {
      let open = 0;
      const failing = async (): Promise<never> => {
        throw new TypeError('cannot read this body');
      };
      const parts = {
        supervisor: { apply: failing, down: failing, services: failing },
        shutdown: never,
        busy: () => {
          open++;
          return { [Symbol.dispose]: () => void open-- };
        },
      } as unknown as RouteParts;
      const events: unknown[] = [];
      for await (const event of await createRoutes(parts)[route](call(undefined))) events.push(event);
      expect(events).toMatchObject([{ type: 'end', ok: false, failures: [{ code: 'ERR_INTERNAL' }] }]);
      expect(open).toBe(0);
    });
  }
});
