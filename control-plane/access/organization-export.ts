/** Everything that an organisation owns, line by line, a page in memory at a time. */
import { type Database, EXPORT_KINDS, type ExportKind } from '#db';
import { auditedOutside, byPerson } from '../audit/audited.ts';
import type { Logger } from '../log.ts';
import type { OrganizationExportRow, PeopleUseCases } from '../people-use-cases.ts';
import type { ExportSlots } from '../telemetry/export-slots.ts';
import { placeAfter, readPage } from '../telemetry/metric-export.ts';
import { permit } from './permit.ts';

/** Rows in memory at a time. */
const PAGE_ROWS = 500;

export interface OrganizationExportDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly slots: ExportSlots;
}

export const createOrganizationExport =
  (deps: OrganizationExportDeps): PeopleUseCases['exportOrganization'] =>
  async (person, orgId, query) => {
    const { database, now } = deps;
    const draft = byPerson(person, 'organization.export', `organization:${orgId}`);
    return auditedOutside(deps, draft, async () => {
      const organization = await database.organizations.find(orgId);
      permit(person, 'organization.export', organization?.id, 'organization.not_found', draft);
      draft.object = `organization:${organization.id}`;
      draft.detail = { name: organization.name, telemetry: query.include === 'telemetry' };
      await database.audit.append({ ...draft, outcome: 'success' });
      const { id } = organization;
      const until = now();
      return deps.slots(() => rowsOf(database, id, query.include === 'telemetry' ? until : null));
    });
  };

/** @param telemetryUntil null leaves measurements, lines and presence out */
async function* rowsOf(
  database: Database,
  orgId: string,
  telemetryUntil: Date | null,
): AsyncGenerator<OrganizationExportRow> {
  for (const kind of EXPORT_KINDS) {
    for await (const { fields } of pagesOf(database, orgId, kind)) yield { kind, ...fields };
  }
  if (telemetryUntil === null) return;
  for await (const { key: deviceId } of pagesOf(database, orgId, 'device')) {
    yield* presenceOf(database, orgId, deviceId);
    yield* metricsOf(database, orgId, deviceId, telemetryUntil);
    yield* linesOf(database, orgId, deviceId, telemetryUntil);
  }
}

async function* pagesOf(database: Database, orgId: string, kind: ExportKind) {
  let after: string | null = null;
  for (;;) {
    const page = await readPage(() => database.organizationExport.page(orgId, kind, after, PAGE_ROWS));
    yield* page;
    if (page.length < PAGE_ROWS) return;
    after = page.at(-1)?.key ?? null;
  }
}

async function* presenceOf(
  database: Database,
  orgId: string,
  deviceId: string,
): AsyncGenerator<OrganizationExportRow> {
  let cursor: string | null = null;
  for (;;) {
    const place: { cursor?: string } = cursor === null ? {} : { cursor };
    const page = await readPage(() =>
      database.presence.events(orgId, deviceId, {}, { limit: PAGE_ROWS, ...place }),
    );
    for (const { at, from, to, reason } of page.items) {
      yield { kind: 'presence', device_id: deviceId, at: at.toISOString(), from, to, reason };
    }
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

async function* metricsOf(
  database: Database,
  orgId: string,
  deviceId: string,
  until: Date,
): AsyncGenerator<OrganizationExportRow> {
  const filter = { deviceIds: [deviceId], metricType: null, from: new Date(0), to: until };
  let place: Parameters<typeof placeAfter>[1] = null;
  for (;;) {
    const page = await readPage(() => database.series.rawPage(orgId, filter, place, PAGE_ROWS));
    for (const { at, receivedAt, metricType, labels, value } of page) {
      yield {
        kind: 'metric',
        device_id: deviceId,
        timestamp: at.toISOString(),
        received_at: receivedAt.toISOString(),
        metric_type: metricType,
        labels: labels ?? {},
        value,
      };
    }
    if (page.length < PAGE_ROWS) return;
    place = placeAfter(page, place);
  }
}

async function* linesOf(
  database: Database,
  orgId: string,
  deviceId: string,
  until: Date,
): AsyncGenerator<OrganizationExportRow> {
  const filter = { deviceIds: [deviceId], levels: null, service: null, text: null, from: null, to: until };
  let place: Parameters<Database['logs']['search']>[3] = null;
  for (;;) {
    const page = await readPage(() => database.logs.search(orgId, filter, 'older', place, PAGE_ROWS));
    for (const line of page.lines) {
      yield {
        kind: 'log',
        device_id: deviceId,
        timestamp: line.at.toISOString(),
        received_at: line.receivedAt.toISOString(),
        log_level: line.level,
        service_name: line.service,
        message: line.message,
        metadata: line.metadata,
      };
    }
    const last = page.reached ?? page.lines.at(-1)?.place;
    if (last === undefined || (page.reached === null && page.lines.length < PAGE_ROWS)) return;
    place = last;
  }
}
