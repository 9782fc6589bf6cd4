/** Integrators: outside programs of one organisation that speak MQTT with a certificate. */
import { and, eq } from 'drizzle-orm';
import { integrators } from '../schema/enrollment.ts';
import { organizations } from '../schema/people.ts';
import type { Integrator, IntegratorStore } from './contracts/enrollment.ts';
import { openPage } from './page.ts';
import { allOf, inScope, type Queries } from './queries.ts';

const columns = {
  id: integrators.id,
  orgId: integrators.organizationId,
  orgSlug: organizations.slug,
  name: integrators.name,
  createdAt: integrators.createdAt,
};

export function createIntegratorStore({ orm }: Queries): IntegratorStore {
  async function find(orgId: string | null, integratorId: string): Promise<Integrator | null> {
    const [integrator] = await orm
      .select(columns)
      .from(integrators)
      .innerJoin(organizations, eq(organizations.id, integrators.organizationId))
      .where(allOf(eq(integrators.id, integratorId), inScope(integrators.organizationId, orgId)));
    return integrator ?? null;
  }

  return {
    async create(orgId, name) {
      const [made] = await orm
        .insert(integrators)
        .values({ organizationId: orgId, name })
        .returning({ id: integrators.id });
      const integrator = made === undefined ? null : await find(orgId, made.id);
      if (integrator === null) throw new Error('the new integrator was not returned');
      return integrator;
    },

    find,

    async list(scope, request) {
      const page = openPage(
        {
          parts: [
            { key: integrators.name, kind: 'text' },
            { key: integrators.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['integrators', scope],
        },
        request,
      );
      const matches = inScope(integrators.organizationId, scope);
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(integrators)
        .innerJoin(organizations, eq(organizations.id, integrators.organizationId))
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(integrators, matches);
      return page.close(found, total, ({ cursorKeys: _, ...integrator }) => integrator);
    },

    async delete(orgId, integratorId) {
      const result = await orm
        .delete(integrators)
        .where(and(eq(integrators.organizationId, orgId), eq(integrators.id, integratorId)));
      return result.rowCount === 1;
    },
  };
}
