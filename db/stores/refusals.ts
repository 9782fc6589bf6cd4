/** What the broker refused, for the admins of the organisation that it concerns. */
import { and, eq, lt } from 'drizzle-orm';
import { isDeviceId } from '#contract';
import { brokerRefusals } from '../schema/records.ts';
import type { RefusalStore } from './contracts/records.ts';
import { inDeviceScope } from './device-scope.ts';
import { openPage } from './page.ts';
import type { Queries } from './queries.ts';

export function createRefusalStore({ orm, count }: Queries): RefusalStore {
  return {
    async append({ refusals }, at) {
      if (refusals.length === 0) return;
      await count(
        `INSERT INTO broker_refusals (at, organization_id, device_id, reason, detail, count)
         SELECT $1, o.id, r.device, r.reason, left(r.detail, 300), r.count
         FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::integer[])
           WITH ORDINALITY AS r (org, device, reason, detail, count, place)
         LEFT JOIN organizations o ON o.slug = r.org
         ORDER BY r.place`,
        [
          at,
          refusals.map(({ org }) => org),
          refusals.map(({ device }) => (device !== null && isDeviceId(device) ? device : null)),
          refusals.map(({ reason }) => reason),
          refusals.map(({ detail }) => detail),
          refusals.map((refusal) => refusal.count),
        ],
      );
    },

    async list(scope, { deviceId }, request) {
      const page = openPage(
        {
          parts: [{ key: brokerRefusals.id, kind: 'number' }],
          descending: true,
          boundTo: ['refusals', scope, deviceId],
        },
        request,
      );
      const matches = and(
        inDeviceScope({ orgId: brokerRefusals.organizationId, deviceId: brokerRefusals.deviceId }, scope),
        deviceId === undefined ? undefined : eq(brokerRefusals.deviceId, deviceId),
      );
      const found = await orm
        .select({
          at: brokerRefusals.at,
          deviceId: brokerRefusals.deviceId,
          reason: brokerRefusals.reason,
          detail: brokerRefusals.detail,
          count: brokerRefusals.count,
          cursorKeys: page.cursorKeys,
        })
        .from(brokerRefusals)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(brokerRefusals, matches);
      return page.close(found, total, ({ cursorKeys: _, ...refusal }) => refusal);
    },

    async deleteBefore(before) {
      const result = await orm.delete(brokerRefusals).where(lt(brokerRefusals.at, before));
      return result.rowCount ?? 0;
    },
  };
}
