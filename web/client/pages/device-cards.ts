/** The cards of a device's overview. Dumb templates. */
import { html, nothing, type TemplateResult } from 'lit';
import type { DeviceDetail, RefusalView } from '#web-api';
import { icon } from '../components/icons.ts';
import { meter } from '../components/meter.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { isNearExpiry } from '../format/expiry.ts';
import { factLabel, factValue, metricLine } from '../format/facts.ts';
import { bytes, count } from '../format/quantity.ts';
import { CERTIFICATE_STATE_LOOKS, DEVICE_TYPE_LABELS, serviceLook } from '../format/status.ts';
import { dateTime, duration } from '../format/time.ts';
import { PAGES } from '../state/addresses.ts';

/** Measurements in the table; the Metrics tab shows all. */
const MAX_RECENT_METRICS = 12;

export const card = (
  title: string,
  body: TemplateResult,
  options: { aside?: TemplateResult | typeof nothing; isFlush?: boolean } = {},
): TemplateResult => html`
  <section class="card" aria-label=${title}>
    <div class="card-head"><h2>${title}</h2>${options.aside ?? nothing}</div>
    ${options.isFlush ? body : html`<div class="card-body">${body}</div>`}
  </section>`;

const fact = (label: string, value: unknown): TemplateResult => html`<dt>${label}</dt><dd>${value}</dd>`;

export const heartbeatCard = (device: DeviceDetail, nowMs: number): TemplateResult =>
  card(
    'Last heartbeat',
    html`<div class="meters">
      ${meter('CPU', device.metrics.cpu_percent)} ${meter('Memory', device.metrics.memory_percent)}
      ${meter('Disk', device.metrics.disk_percent)}
      ${device.metrics.gpu_percent === undefined ? nothing : meter('GPU', device.metrics.gpu_percent)}
    </div>`,
    { aside: html`<span class="fine">${ago(device.last_seen, nowMs, 'Not yet')}</span>` },
  );

export const servicesCard = (device: DeviceDetail): TemplateResult =>
  card(
    'Services',
    device.services.length === 0
      ? html`<p class="quiet">The device reports no services.</p>`
      : html`<ul class="service-list">
          ${device.services.map(
            (service) => html`<li>
              <div class="names">
                ${service.name}
                <div class="fine">${[service.kind, service.restarts ? count(service.restarts, 'restart') : undefined].filter(Boolean).join(' · ')}</div>
              </div>
              ${statusPill(serviceLook(service.status))}
            </li>`,
          )}
        </ul>`,
    {
      isFlush: device.services.length > 0,
      aside:
        device.services.length === 0
          ? nothing
          : html`<span class="fine">${device.services.filter((service) => service.status === 'running').length} of ${device.services.length} running</span>`,
    },
  );

export const factsCard = (device: DeviceDetail, organization: string): TemplateResult =>
  card(
    'Device',
    html`<dl class="facts">
      ${fact('Organisation', organization)} ${fact('Type', DEVICE_TYPE_LABELS[device.device_type])}
      ${device.groups.length === 0 ? nothing : fact('Groups', groupLinks(device))}
      ${fact('Hardware id', html`<span class="mono">${device.hardware_id}</span>`)}
      ${fact('Device id', html`<span class="mono">${device.id}</span>`)}
      ${fact('Address', device.ip_address ?? '–')}
      ${Object.entries(device.facts).map(([key, value]) => fact(factLabel(key), factValue(key, value)))}
      ${fact('Registered', dateTime(device.created_at))}
    </dl>`,
  );

/** Each leads to the devices of its group. */
const groupLinks = (device: DeviceDetail): TemplateResult =>
  html`${device.groups.map(({ id, name }, index) => html`${index === 0 ? '' : ', '}<a href="${PAGES.devices}?group=${id}">${name}</a>`)}`;

export const versionsCard = (device: DeviceDetail): TemplateResult =>
  card(
    'Versions and link',
    html`<dl class="facts">
      ${fact('Firmware', device.firmware_version ?? '–')} ${fact('Agent', device.agent_version ?? '–')}
      ${fact('Configuration', device.current_config.config_version === 0 ? 'Never configured' : `Version ${device.current_config.config_version}`)}
      ${fact('Uptime', device.uptime_seconds === null ? '–' : duration(device.uptime_seconds))}
      ${fact('Session', device.session_epoch === null ? '–' : `No. ${device.session_epoch}`)}
      ${device.last_goodbye_reason === null ? nothing : fact('Last sign-off', device.last_goodbye_reason)}
      ${fact('Outbox', outboxText(device.outbox))}
      ${device.clock_skew_ms === null ? nothing : fact('Clock', clockText(device.clock_skew_ms))}
    </dl>`,
  );

/** From two minutes on, times are corrected and flagged. */
const SKEW_MS = 120_000;
function clockText(skewMs: number): TemplateResult | string {
  if (Math.abs(skewMs) < 1000) return 'Right to the second';
  const text = `${duration(Math.abs(skewMs) / 1000)} ${skewMs > 0 ? 'ahead' : 'behind'}`;
  return Math.abs(skewMs) < SKEW_MS
    ? text
    : html`<span class="error-text">${icon('alert')}${text}; times are corrected</span>`;
}

function outboxText(outbox: DeviceDetail['outbox']): TemplateResult | string {
  if (outbox === null) return '–';
  if (outbox.records === 0 && outbox.dropped === 0) return 'Empty';
  return html`${count(outbox.records, 'record')} waiting (${bytes(outbox.bytes)})${
    outbox.dropped > 0
      ? html`<br /><span class="error-text">${icon('alert')}${count(outbox.dropped, 'record')} given up</span>`
      : nothing
  }`;
}

export const certificatesCard = (device: DeviceDetail, nowMs: number): TemplateResult =>
  card(
    'Certificates',
    device.certificates.length === 0
      ? html`<p class="quiet">None. The device gets one when it enrols with a token.</p>`
      : html`<ul class="service-list">
          ${device.certificates.map((certificate) => {
            const isNear =
              certificate.state === 'active' &&
              isNearExpiry(certificate.not_before, certificate.not_after, nowMs);
            return html`<li>
              <div class="names">
                <span class="mono" title="SHA-256 ${certificate.fingerprint_sha256}">${certificate.serial}</span>
                <div class="fine">
                  ${
                    certificate.state === 'revoked' && certificate.revoked_at !== null
                      ? html`Revoked ${ago(certificate.revoked_at, nowMs)}${certificate.revocation_reason ? `: ${certificate.revocation_reason}` : ''}`
                      : html`${isNear ? html`<span class="error-text">${icon('alert')}</span>` : nothing} Expires ${ago(certificate.not_after, nowMs)}, ${dateTime(certificate.not_after)}`
                  }
                </div>
              </div>
              ${statusPill(CERTIFICATE_STATE_LOOKS[certificate.state])}
            </li>`;
          })}
        </ul>`,
    { isFlush: device.certificates.length > 0 },
  );

export const metricsCard = (device: DeviceDetail, nowMs: number): TemplateResult =>
  card(
    'Recent measurements',
    device.recent_metrics.length === 0
      ? html`<p class="quiet">No measurement has arrived yet.</p>`
      : html`<table class="table auto">
          <thead><tr><th scope="col">Time</th><th scope="col">Kind</th><th scope="col">Values</th></tr></thead>
          <tbody>
            ${device.recent_metrics.slice(0, MAX_RECENT_METRICS).map(
              (metric) => html`<tr class="row">
                <td data-label="Time"><div class="cell">${ago(metric.timestamp, nowMs)}</div></td>
                <td data-label="Kind"><div class="cell">${metric.metric_type}</div></td>
                <td data-label="Values" class="wrap"><div class="cell">${metricLine(metric.value)}</div></td>
              </tr>`,
            )}
          </tbody>
        </table>`,
    { isFlush: device.recent_metrics.length > 0 },
  );

export const refusalsCard = (
  refusals: readonly RefusalView[],
  nowMs: number,
): TemplateResult | typeof nothing =>
  refusals.length === 0
    ? nothing
    : card(
        'Refused by the broker',
        html`<ul class="service-list">
          ${refusals.map(
            (refusal) => html`<li>
              <div class="names"><span class="mono">${refusal.detail || refusal.reason}</span><div class="fine">${refusal.reason} · ${ago(refusal.at, nowMs)}</div></div>
              <span class="pill tone-bad">${icon('ban')}${refusal.count} ×</span>
            </li>`,
          )}
        </ul>`,
        { isFlush: true },
      );
