/** `organizations.export`: one JSON object per line. */
import type { ControlPlane, OrganizationExportRow } from '#control-plane';
import type { ExportText } from './export-rows.ts';
import { sendExport } from './export-stream.ts';
import type { Log } from './log.ts';
import type { StreamHandler } from './register-routes.ts';

export interface OrganizationExportRouteDeps {
  readonly controlPlane: Pick<ControlPlane, 'people'>;
  readonly log: Log;
  readonly secure: boolean;
}

/** Rows of many kinds have no columns: there is no CSV of them. */
const ORGANIZATION_TEXT: ExportText<OrganizationExportRow> = { header: [], cells: () => [] };

export const organizationExportRoute =
  (deps: OrganizationExportRouteDeps): StreamHandler<'organizations.export'> =>
  async ({ caller, params, query, origin }, _request, reply) =>
    sendExport(reply, {
      ...deps,
      rows: await deps.controlPlane.people.exportOrganization(caller, params.organization_id, query),
      text: ORGANIZATION_TEXT,
      format: 'ndjson',
      fileName: `organization-${params.organization_id}`,
      requestId: origin.requestId,
    });
