/** What an organisation's devices measure, ship and hide, and how long it is kept. */
import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { LOG_LEVELS, MAX_REDACTION_RULES } from '#contract';
import { MAX_RETENTION_DAYS, RETENTION_CLASSES, type TelemetrySettingsView } from '#web-api';
import { describedBy, field, fieldError, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { LEVEL_LOOKS } from '../format/log-level.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';
import { RedactionTrial } from './redaction-trial.ts';
import {
  bodyOf,
  draftOf,
  RETENTION_LABELS,
  readDraft,
  retentionHint,
  type TelemetryDraft,
} from './telemetry-draft.ts';

const SHOWN_FIELDS = [
  'metrics.interval_seconds',
  'metrics.aggregate_seconds',
  'logs.min_level',
  'unknown_metrics',
  'redaction.rules',
  ...RETENTION_CLASSES.map((name) => `retention_days.${name}`),
];
const CONFLICT_STATUS = 409;

export class TelemetrySettingsCard extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
    _draft: { state: true },
  };
  declare organizationId: string;
  declare _draft: TelemetryDraft | null;
  readonly #settings = new Resource<TelemetrySettingsView>(this, async (signal) => {
    const params = { organization_id: this.organizationId };
    const view = await this.context.api.call('telemetry.settings', { params, signal });
    this._draft = draftOf(view);
    return view;
  });
  readonly #save = new FormAction<true>(this);
  readonly #trial = new RedactionTrial(this, {
    context: () => this.context,
    organizationId: () => this.organizationId,
    draft: () => this._draft,
  });

  protected override open() {
    void this.#settings.load();
    return [];
  }

  override render() {
    const view = this.#settings.value;
    const draft = this._draft;
    if (view === null || draft === null) {
      const { error } = this.#settings;
      return html`<section class="card" aria-label="Telemetry"><div class="card-head"><h2>Telemetry</h2></div>
        ${error === null ? skeletonRows(5, 'Loading the telemetry settings') : errorState(error, () => void this.#settings.load())}</section>`;
    }
    const mayEdit = this.can('telemetry.write', this.organizationId);
    return html`<section class="card" aria-label="Telemetry">
      <div class="card-head"><h2>Telemetry</h2><span class="fine">${view.updated_at === null ? 'As shipped' : html`Version ${view.version}, ${ago(view.updated_at, this.nowMs)}${view.updated_by === null ? '' : ` by ${view.updated_by}`}`}</span></div>
      <form class="card-body form telemetry-form" @submit=${this._submit} @change=${this._change}>
        ${this.#conflict()}
        <fieldset ?disabled=${!mayEdit}>${this.#devices(draft)} ${this.#retention(draft)}</fieldset>
        <fieldset ?disabled=${!mayEdit}>${this.#builtin(view, draft)} ${this.#rules(draft, mayEdit)}</fieldset>
        ${
          mayEdit
            ? html`<div class="form-end">
                <span class="fine">Devices follow with their next heartbeat.</span>
                <button type="button" class="button" @click=${() => void this.#settings.load()}>Discard</button>
                <button type="submit" class="button primary" aria-busy=${this.#save.isBusy ? 'true' : 'false'}>Save</button>
              </div>`
            : html`<p class="fine">Your role may read these settings, not change them.</p>`
        }
      </form>
      <div class="card-body trial">${this.#trial.render()}</div>
    </section>`;
  }

  #conflict(): TemplateResult | typeof nothing {
    const { error } = this.#save;
    if (error?.status !== CONFLICT_STATUS) return formError(error, SHOWN_FIELDS) as TemplateResult;
    return html`<div class="callout tone-warn" role="alert">${icon('alert')}<div>
      <p>Somebody else saved these settings meanwhile. Yours are not stored.</p>
      <p><button type="button" class="button small" @click=${this._reload}>${icon('refresh')}Read theirs</button></p>
    </div></div>`;
  }

  #devices(draft: TelemetryDraft) {
    return html`<h3>On the devices</h3>
      <div class="field-row">
        ${this.#number('metrics.interval_seconds', 'Measure every', 'Seconds, 1 to 3,600', draft.intervalSeconds, 1, 3600)}
        ${this.#number('metrics.aggregate_seconds', 'Send as a mean of', 'Seconds with lowest and highest; 0 sends every sample', draft.aggregateSeconds, 0, 3600)}
        ${this.#select(
          'logs.min_level',
          'Ship log lines from',
          LOG_LEVELS.map((level) => [level, LEVEL_LOOKS[level].label]),
          draft.minLevel,
        )}
        ${this.#select(
          'unknown_metrics',
          'A metric type that is not declared',
          [
            ['declare', 'Take it up'],
            ['reject', 'Refuse it'],
          ],
          draft.unknownMetrics,
        )}
      </div>`;
  }

  #retention(draft: TelemetryDraft) {
    return html`<h3>Kept for</h3>
      <div class="field-row narrow">
        ${RETENTION_CLASSES.map((name) =>
          this.#number(
            `retention_days.${name}`,
            RETENTION_LABELS[name],
            retentionHint(name),
            draft.retentionDays[name],
            1,
            MAX_RETENTION_DAYS[name],
          ),
        )}
      </div>`;
  }

  #builtin(view: TelemetrySettingsView, draft: TelemetryDraft) {
    return html`<h3>Hidden before it is stored</h3>
      <ul class="switches">
        ${view.builtin_redaction.map(({ name, doc }) => {
          const isOn = !draft.disabledBuiltin.includes(name);
          return html`<li><label class="check">
            <input type="checkbox" .checked=${live(isOn)} @change=${() => this.#toggleBuiltin(name)} />
            <span><b>${name}</b><span class="fine">${doc}</span></span>
          </label></li>`;
        })}
      </ul>`;
  }

  #rules(draft: TelemetryDraft, mayEdit: boolean) {
    return html`<div class="rules">
      ${draft.rules.length === 0 ? html`<p class="quiet">No rules of your own.</p>` : nothing}
      ${draft.rules.map((rule, index) => {
        const error =
          fieldError(this.#save.error, `redaction.rules.${index}`) ??
          fieldError(this.#trial.error, `rules.${index}`);
        return html`<div class="rule ${error === null ? '' : 'has-error'}">
          <input class="input mono" aria-label="Name of rule ${index + 1}" placeholder="name" required maxlength="40" pattern="[a-z][a-z0-9_\\-]{0,39}" .value=${live(rule.name)} @input=${(event: Event) => this.#editRule(index, { name: textOf(event) })} />
          <input class="input mono" aria-label="Pattern of rule ${index + 1}" placeholder="BADGE-[0-9]{6}" required maxlength="500" spellcheck="false" .value=${live(rule.pattern)} @input=${(event: Event) => this.#editRule(index, { pattern: textOf(event) })} />
          <label class="check"><input type="checkbox" .checked=${live(rule.ignore_case === true)} @change=${() => this.#editRule(index, { ignore_case: rule.ignore_case !== true })} />Any case</label>
          ${mayEdit ? html`<button type="button" class="icon-button" aria-label="Remove rule ${index + 1}" @click=${() => this.#put({ rules: draft.rules.toSpliced(index, 1) })}>${icon('trash')}</button>` : nothing}
          ${error === null ? nothing : html`<span class="error-text" role="alert">${icon('alert')}${error}</span>`}
        </div>`;
      })}
      ${mayEdit && draft.rules.length < MAX_REDACTION_RULES ? html`<button type="button" class="button small" @click=${() => this.#put({ rules: [...draft.rules, { name: '', pattern: '' }] })}>${icon('plus')}Add a rule</button>` : nothing}
      <p class="fine">RE2 syntax. What matches is stored as <code>[redacted:name]</code>, on the device already and again before storage.</p>
    </div>`;
  }

  /** Not `live`: what is being typed must outlast a rendering for other reasons. */
  #number(name: string, label: string, hint: string, value: number, min: number, max: number) {
    const id = `telemetry-${name.replaceAll('.', '-')}`;
    return field({
      id,
      label,
      hint,
      error: fieldError(this.#save.error, name),
      control: html`<input class="input" id=${id} name=${name} type="number" required min=${min} max=${max} .value=${String(value)} aria-describedby=${describedBy(id)} />`,
    });
  }

  #select(name: string, label: string, options: readonly (readonly [string, string])[], chosen: string) {
    const id = `telemetry-${name.replaceAll('.', '-')}`;
    return field({
      id,
      label,
      error: fieldError(this.#save.error, name),
      control: html`<select class="select" id=${id} name=${name} aria-describedby=${describedBy(id)}>
        ${options.map(([value, text]) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`)}
      </select>`,
    });
  }

  #toggleBuiltin(name: string) {
    const off = this._draft?.disabledBuiltin ?? [];
    this.#put({
      disabledBuiltin: off.includes(name) ? off.filter((other) => other !== name) : [...off, name],
    });
  }

  #editRule(index: number, change: Partial<TelemetryDraft['rules'][number]>) {
    const rules = (this._draft?.rules ?? []).map((rule, at) =>
      at === index ? { ...rule, ...change } : rule,
    );
    this.#put({ rules });
  }

  #put(change: Partial<TelemetryDraft>) {
    if (this._draft === null) return;
    this._draft = { ...this._draft, ...change };
    this.#trial.trySoon();
  }

  private _change = (event: Event) => {
    if (this._draft === null || !(event.currentTarget instanceof HTMLFormElement)) return;
    this._draft = readDraft(new FormData(event.currentTarget), this._draft);
  };

  private _submit = (event: SubmitEvent) => {
    event.preventDefault();
    const view = this.#settings.value;
    if (view === null || this._draft === null || !(event.currentTarget instanceof HTMLFormElement)) return;
    const draft = readDraft(new FormData(event.currentTarget), this._draft);
    this._draft = draft;
    void this.#save.run(async () => {
      const saved = await this.context.api.call('telemetry.update', {
        params: { organization_id: this.organizationId },
        body: { ...bodyOf(draft), version: view.version },
      });
      this._draft = draftOf(saved);
      this.#settings.put(saved);
      this.context.notices.say('success', 'The telemetry settings are saved.');
    });
  };

  private _reload = () => {
    this.#save.open(true);
    void this.#settings.load();
  };
}

const textOf = (event: Event): string =>
  event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value : '';

customElements.define('oc-telemetry-settings', TelemetrySettingsCard);
declare global {
  interface HTMLElementTagNameMap {
    'oc-telemetry-settings': TelemetrySettingsCard;
  }
}
