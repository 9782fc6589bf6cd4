/** The metric types of an organisation: built in, declared, and taken up by themselves. */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { METRIC_KINDS } from '#contract';
import type { MetricTypeView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';

const ORIGIN_LABELS: Readonly<Record<MetricTypeView['origin'], string>> = {
  builtin: 'Built in',
  declared: 'Declared',
  seen: 'Taken up',
};
const SHOWN_FIELDS = ['name', 'description', 'unit', 'kind', 'allowed_labels', 'max_series'];

export class MetricTypesCard extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
  };
  declare organizationId: string;
  readonly #types = new Resource<readonly MetricTypeView[]>(this, async (signal) => {
    const params = { organization_id: this.organizationId };
    return (await this.context.api.call('metric_types.list', { params, signal })).items;
  });
  /** The type that is edited, or `new`. */
  readonly #edit = new FormAction<MetricTypeView | 'new'>(this);
  readonly #remove = new FormAction<MetricTypeView>(this);

  protected override open() {
    void this.#types.load();
    return [];
  }

  override render() {
    const mayEdit = this.can('telemetry.write', this.organizationId);
    return html`
      <section class="card table-card" aria-label="Metric types">
        <div class="card-head"><h2>Metric types</h2>
          ${mayEdit ? html`<button type="button" class="button small" @click=${() => this.#edit.open('new')}>${icon('plus')}Declare a type</button>` : nothing}
        </div>
        ${this.#content(mayEdit)}
      </section>
      ${this.#renderEdit()} ${this.#renderRemove()}`;
  }

  #content(mayEdit: boolean) {
    const { value, error } = this.#types;
    if (value === null) {
      return error === null
        ? skeletonRows(4, 'Loading metric types')
        : errorState(error, () => void this.#types.load());
    }
    if (value.length === 0) {
      return emptyState({
        icon: 'pulse',
        title: 'No metric types',
        text: 'Types show up here as devices send them.',
      });
    }
    return html`<table class="table auto" role="table" aria-label="Metric types">
      <thead role="rowgroup">
        <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Origin</th><th role="columnheader" scope="col">Kind</th><th role="columnheader" scope="col">Unit</th><th role="columnheader" scope="col">Labels</th><th role="columnheader" scope="col">Series, at most</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
      </thead>
      <tbody role="rowgroup">${value.map((type) => this.#row(type, mayEdit))}</tbody>
    </table>`;
  }

  #row(type: MetricTypeView, mayEdit: boolean) {
    return html`<tr class="row" role="row">
      <td role="cell" class="lead wrap"><div class="cell"><b class="mono">${type.name}</b>${type.description === null ? nothing : html`<div class="fine">${type.description}</div>`}</div></td>
      <td role="cell" data-label="Origin"><div class="cell"><span class="tag">${ORIGIN_LABELS[type.origin]}</span></div></td>
      <td role="cell" data-label="Kind"><div class="cell">${type.kind}</div></td>
      <td role="cell" data-label="Unit"><div class="cell">${type.unit ?? '–'}</div></td>
      <td role="cell" data-label="Labels" class="wrap"><div class="cell">${type.allowed_labels === null ? 'Any' : type.allowed_labels.length === 0 ? 'None' : type.allowed_labels.join(', ')}</div></td>
      <td role="cell" data-label="Series, at most"><div class="cell">${type.max_series.toLocaleString()}</div></td>
      <td role="cell" class="actions">${
        mayEdit && type.origin !== 'builtin'
          ? html`<div class="row-actions"><button type="button" class="icon-button" aria-label="Edit ${type.name}" title="Edit" @click=${() => this.#edit.open(type)}>${icon('pencil')}</button><button type="button" class="icon-button" aria-label="Delete ${type.name}" title="Delete" @click=${() => this.#remove.open(type)}>${icon('trash')}</button></div>`
          : nothing
      }</td>
    </tr>`;
  }

  #renderEdit() {
    const subject = this.#edit.subject;
    if (subject === null) return nothing;
    const type = subject === 'new' ? null : subject;
    const { error, isBusy } = this.#edit;
    return formDialog({
      heading: type === null ? 'Declare a metric type' : `Edit ${type.name}`,
      submitLabel: type === null ? 'Declare' : 'Save',
      isBusy,
      onClose: () => this.#edit.close(),
      onSubmit: (form) => void this.#save(form, type),
      body: html`
        ${formError(error, SHOWN_FIELDS)}
        ${
          type === null
            ? field({
                id: 'type-name',
                label: 'Name',
                hint: 'As devices send it: a–z, 0–9, dots, dashes and underscores.',
                error: fieldError(error, 'name'),
                control: html`<input class="input mono" id="type-name" name="name" required maxlength="50" pattern="[a-z][a-z0-9_.\\-]*" autocapitalize="off" spellcheck="false" autofocus aria-describedby=${describedBy('type-name')} />`,
              })
            : nothing
        }
        ${field({ id: 'type-description', label: 'Description', isOptional: true, error: fieldError(error, 'description'), control: html`<input class="input" id="type-description" name="description" maxlength="500" .value=${type?.description ?? ''} aria-describedby=${describedBy('type-description')} />` })}
        <div class="field-row">
          ${field({ id: 'type-unit', label: 'Unit', isOptional: true, hint: 'percent, bytes, celsius, …', error: fieldError(error, 'unit'), control: html`<input class="input" id="type-unit" name="unit" maxlength="20" .value=${type?.unit ?? ''} aria-describedby=${describedBy('type-unit')} />` })}
          ${field({ id: 'type-kind', label: 'Kind', hint: 'A counter only rises.', control: html`<select class="select" id="type-kind" name="kind" aria-describedby=${describedBy('type-kind')}>${METRIC_KINDS.map((kind) => html`<option value=${kind} ?selected=${kind === type?.kind}>${kind}</option>`)}</select>` })}
        </div>
        ${field({ id: 'type-labels', label: 'Labels', isOptional: true, hint: 'Allowed ones, comma separated; empty = any.', error: fieldError(error, 'allowed_labels'), control: html`<input class="input mono" id="type-labels" name="labels" maxlength="400" spellcheck="false" .value=${type?.allowed_labels?.join(', ') ?? ''} aria-describedby=${describedBy('type-labels')} />` })}
        ${field({ id: 'type-series', label: 'Series of one device, at most', hint: 'Combinations of labels, 1 to 1,000.', error: fieldError(error, 'max_series'), control: html`<input class="input" id="type-series" name="max_series" type="number" required min="1" max="1000" .value=${String(type?.max_series ?? 100)} aria-describedby=${describedBy('type-series')} />` })}`,
    });
  }

  async #save(form: FormData, type: MetricTypeView | null) {
    const labels = (textOf(form, 'labels') ?? '').split(/[\s,]+/).filter((label) => label !== '');
    const name = type?.name ?? textOf(form, 'name') ?? '';
    await this.#edit.run(async () => {
      await this.context.api.call('metric_types.put', {
        params: { organization_id: this.organizationId, name },
        body: {
          description: textOf(form, 'description') ?? '',
          unit: textOf(form, 'unit'),
          kind: METRIC_KINDS.find((kind) => kind === textOf(form, 'kind')) ?? 'gauge',
          max_series: Number(textOf(form, 'max_series') ?? '100'),
          ...(labels.length === 0 ? {} : { allowed_labels: labels }),
        },
      });
      this.context.notices.say('success', `${name} is declared.`);
      await this.#types.load();
    });
  }

  #renderRemove() {
    const type = this.#remove.subject;
    if (type === null) return nothing;
    return formDialog({
      heading: 'Delete metric type',
      submitLabel: 'Delete',
      isDanger: true,
      isBusy: this.#remove.isBusy,
      onClose: () => this.#remove.close(),
      onSubmit: () =>
        void this.#remove.run(async () => {
          const params = { organization_id: this.organizationId, name: type.name };
          await this.context.api.call('metric_types.delete', { params });
          this.context.notices.say('success', `${type.name} is deleted.`);
          await this.#types.load();
        }),
      body: html`${formError(this.#remove.error, [])}<p>What was stored of <b>${type.name}</b> stays. New values are taken up or refused as the settings say.</p>`,
    });
  }
}

customElements.define('oc-metric-types', MetricTypesCard);
declare global {
  interface HTMLElementTagNameMap {
    'oc-metric-types': MetricTypesCard;
  }
}
