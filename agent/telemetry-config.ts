/** The local file telemetry.json: what this machine measures and which logs it reads, as its owner wrote it. */
import { readFile } from 'node:fs/promises';
import { decodeValue } from '#contract';
import { AgentError, messageOf } from './errors.ts';
import { checkLogsConfig, LogsConfig } from './logs/config.ts';
import { type MetricsConfig, readMetricsConfig } from './metrics/config.ts';

export const TELEMETRY_CONFIG_PATH = '/etc/edge-agent/telemetry.json';
/** A list of fifty files and two hundred metrics is far smaller. */
const MAX_BYTES = 1024 * 1024;
const PARTS: readonly string[] = ['metrics', 'logs'];

export interface TelemetryConfig {
  readonly metrics: MetricsConfig;
  readonly logs: LogsConfig;
}

export const DEFAULT_TELEMETRY_CONFIG: TelemetryConfig = { metrics: {}, logs: {} };

/** `path` null: the usual place, where nothing need be. @throws AgentError `usage` naming the file and the field. */
export async function readTelemetryConfig(path: string | null): Promise<TelemetryConfig> {
  const file = path ?? TELEMETRY_CONFIG_PATH;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing && path === null) return DEFAULT_TELEMETRY_CONFIG;
    throw new AgentError('usage', `${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    return parseTelemetryConfig(text);
  } catch (error) {
    throw new AgentError('usage', `${file}: ${messageOf(error)}`);
  }
}

/** Pure. @throws AgentError `usage` naming the field, e.g. `logs.files.0.path`. */
export function parseTelemetryConfig(text: string): TelemetryConfig {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new AgentError('usage', 'is larger than 1 MiB');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AgentError('usage', `is no JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AgentError('usage', 'must be an object with the parts metrics and logs');
  }
  const unknown = Object.keys(value).find((name) => !PARTS.includes(name));
  if (unknown !== undefined)
    throw new AgentError('usage', `${unknown}: no such part; there are metrics and logs`);
  const { metrics = {}, logs = {} } = value as { metrics?: unknown; logs?: unknown };
  const decoded = decodeValue(LogsConfig, logs);
  if (!decoded.ok) throw new AgentError('usage', `logs.${decoded.reason}`);
  const problem = checkLogsConfig(decoded.value);
  if (problem !== null) throw new AgentError('usage', problem);
  return { metrics: readMetricsConfig(metrics), logs: decoded.value };
}
