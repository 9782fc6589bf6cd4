/** Organisations, the owners of everything else. */
import { eq, inArray, sql } from 'drizzle-orm';
import { edgeDevices } from '../schema/devices.ts';
import { organizations } from '../schema/people.ts';
import type { Organization, OrganizationStore } from './contracts/people.ts';
import { createOrganizationRemoval } from './organization-removal.ts';
import { openPage } from './page.ts';
import { allOf, inScope, type Queries } from './queries.ts';

const columns = {
  id: organizations.id,
  slug: organizations.slug,
  name: organizations.name,
  createdAt: organizations.createdAt,
  suspendedAt: organizations.suspendedAt,
  suspensionReason: organizations.suspensionReason,
  deleteAfter: organizations.deleteAfter,
};

export function createOrganizationStore(queries: Queries): OrganizationStore {
  const { orm, rows: read } = queries;
  /** Counted apart from the list: a grouped join would read all devices for each page. */
  async function withCounts(rows: readonly Omit<Organization, 'deviceCount'>[]): Promise<Organization[]> {
    const ids = rows.map(({ id }) => id);
    const counts =
      ids.length === 0
        ? []
        : await orm
            .select({ id: edgeDevices.organizationId, count: sql<number>`count(*)::int` })
            .from(edgeDevices)
            .where(inArray(edgeDevices.organizationId, ids))
            .groupBy(edgeDevices.organizationId);
    const countOf = new Map(counts.map(({ id, count }) => [id, count]));
    return rows.map((row) => ({ ...row, deviceCount: countOf.get(row.id) ?? 0 }));
  }

  return {
    async create({ slug, name }) {
      const [row] = await orm.insert(organizations).values({ slug, name }).returning(columns);
      if (row === undefined) throw new Error('the new organisation was not returned');
      return { ...row, deviceCount: 0 };
    },

    async find(orgId) {
      const rows = await orm.select(columns).from(organizations).where(eq(organizations.id, orgId));
      return (await withCounts(rows))[0] ?? null;
    },

    async findBySlug(slug) {
      const rows = await orm.select(columns).from(organizations).where(eq(organizations.slug, slug));
      return (await withCounts(rows))[0] ?? null;
    },

    async list(orgIds, request) {
      const page = openPage(
        {
          parts: [
            { key: organizations.name, kind: 'text' },
            { key: organizations.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['organizations', orgIds],
        },
        request,
      );
      const scope = inScope(organizations.id, orgIds);
      const rows = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(organizations)
        .where(allOf(scope, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(organizations, scope);
      const counted = new Map(
        (await withCounts(rows.map(({ cursorKeys: _, ...row }) => row))).map((row) => [row.id, row]),
      );
      return page.close(
        rows,
        total,
        ({ cursorKeys: _, ...row }) => counted.get(row.id) ?? { ...row, deviceCount: 0 },
      );
    },

    async rename(orgId, name) {
      const rows = await orm
        .update(organizations)
        .set({ name })
        .where(eq(organizations.id, orgId))
        .returning(columns);
      return (await withCounts(rows))[0] ?? null;
    },

    async lock(orgId) {
      const found = await orm
        .select(columns)
        .from(organizations)
        .where(eq(organizations.id, orgId))
        .for('no key update');
      return (await withCounts(found))[0] ?? null;
    },

    async suspend(orgId, { at, reason, deleteAfter }) {
      const found = await orm
        .update(organizations)
        .set({ suspendedAt: at, suspensionReason: reason, deleteAfter })
        .where(eq(organizations.id, orgId))
        .returning(columns);
      return (await withCounts(found))[0] ?? null;
    },

    async resume(orgId) {
      const found = await orm
        .update(organizations)
        .set({ suspendedAt: null, suspensionReason: null, deleteAfter: null })
        .where(eq(organizations.id, orgId))
        .returning(columns);
      return (await withCounts(found))[0] ?? null;
    },

    async suspendedSlugs() {
      const found = await read<{ slug: string }>(
        'SELECT slug FROM organizations WHERE suspended_at IS NOT NULL ORDER BY slug',
      );
      return found.map(({ slug }) => slug);
    },

    ...createOrganizationRemoval(queries),
  };
}
