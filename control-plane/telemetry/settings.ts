/** What an organisation decided about its telemetry: intervals, redaction, how long each class is kept. */
import { DEFAULT_TELEMETRY, type RedactionSettings } from '#contract';
import { BUILTIN_RULES, createRedactor } from '#contract/redaction';
import type { Database, StoredTelemetrySettings, Stores } from '#db';
import { type BodyOf, DEFAULT_RETENTION_DAYS, type TelemetrySettingsView } from '#web-api';
import { permit } from '../access/permit.ts';
import { audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { TelemetryUseCases } from '../telemetry-use-cases.ts';
import type { RedactionTester } from './redaction-test.ts';
import { ruleFault } from './rule-fault.ts';
import { invalid } from './time-range.ts';

export interface SettingsDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly testRedaction: RedactionTester;
}
type SettingsUseCases = Pick<TelemetryUseCases, 'settings' | 'updateSettings' | 'testRedaction'>;

export function createSettings(deps: SettingsDeps): SettingsUseCases {
  const { database } = deps;
  return {
    async settings(person, orgId) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'telemetry.read', organization?.id, 'organization.not_found');
      return settingsView(await database.telemetrySettings.get(organization.id));
    },

    async updateSettings(person, orgId, body) {
      const draft = byPerson(person, 'telemetry.update', `organization:${orgId}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'telemetry.write', organization?.id, 'organization.not_found', entry);
        checkRedaction(body.redaction, 'redaction.');
        const before = await stores.telemetrySettings.get(organization.id);
        const after = await replace(stores, organization.id, body, person.email);
        entry.detail = changesBetween(shownFields(before), shownFields(after));
        await stores.notify('edge_telemetry', { organization_id: organization.id });
        return settingsView(after);
      });
    },

    async testRedaction(person, orgId, body) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'telemetry.read', organization?.id, 'organization.not_found');
      const stored = await database.telemetrySettings.get(organization.id);
      const { rules, disabled_builtin } = (stored?.settings ?? DEFAULT_TELEMETRY).redaction;
      const tried: RedactionSettings = {
        rules: body.rules ?? rules,
        disabled_builtin: body.disabled_builtin ?? disabled_builtin,
      };
      checkRedaction(tried, '');
      const { text, hits, micros } = await deps.testRedaction({ settings: tried, text: body.text });
      return { text, hits: [...hits], micros };
    },
  };
}

async function replace(
  stores: Stores,
  orgId: string,
  body: BodyOf<'telemetry.update'>,
  updatedBy: string,
): Promise<StoredTelemetrySettings> {
  const { version, metrics, logs, redaction } = body;
  const next = {
    settings: { version: version + 1, metrics, logs, redaction },
    retentionDays: body.retention_days,
    unknownMetrics: body.unknown_metrics,
    updatedBy,
  };
  const saved = await stores.telemetrySettings.replace(orgId, version, next);
  if (saved === null) throw new AppError('telemetry.conflict');
  return saved;
}

/** @throws AppError 'request.invalid' naming e.g. `redaction.rules.2.pattern` */
function checkRedaction(settings: RedactionSettings, prefix: string): void {
  const known = new Set(BUILTIN_RULES.map(({ name }) => name));
  const unknown = settings.disabled_builtin.findIndex((name) => !known.has(name));
  if (unknown !== -1) throw invalid(`${prefix}disabled_builtin.${unknown}`, 'is no built-in rule');
  try {
    createRedactor(settings);
  } catch (error) {
    const fault = ruleFault(error);
    if (fault === null) throw error;
    throw invalid(prefix + fault.field, fault.message);
  }
}

/** Pure. Version 0 is what the product ships with. */
export function settingsView(stored: StoredTelemetrySettings | null): TelemetrySettingsView {
  const { version, metrics, logs, redaction } = stored?.settings ?? DEFAULT_TELEMETRY;
  return {
    version,
    metrics,
    logs,
    redaction,
    retention_days: { ...(stored?.retentionDays ?? DEFAULT_RETENTION_DAYS) },
    unknown_metrics: stored?.unknownMetrics ?? 'declare',
    updated_at: stored?.updatedAt.toISOString() ?? null,
    updated_by: stored?.updatedBy ?? null,
    builtin_redaction: BUILTIN_RULES.map(({ name, doc }) => ({ name, doc })),
  };
}

function shownFields(stored: StoredTelemetrySettings | null): Record<string, unknown> {
  const { metrics, logs, redaction, retention_days, unknown_metrics } = settingsView(stored);
  return { metrics, logs, redaction, retention_days, unknown_metrics };
}
