/** Fields and form dialogs: label, hint and error belong to their control; the server's words stand at the field. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ApiError } from '../data/api-error.ts';
import { icon } from './icons.ts';

export interface FieldOptions {
  readonly id: string;
  readonly label: string;
  readonly hint?: string | TemplateResult;
  readonly error?: string | null;
  readonly isOptional?: boolean;
  /** The control; it must carry `id` and `aria-describedby=${describedBy(id)}`. */
  readonly control: TemplateResult;
}

export const describedBy = (id: string): string => `${id}-note`;

export const field = (options: FieldOptions): TemplateResult => html`
  <div class="field ${options.error ? 'has-error' : ''}">
    <label for=${options.id}>${options.label}${options.isOptional ? html` <span class="optional">optional</span>` : nothing}</label>
    ${options.control}
    <div class="note" id=${describedBy(options.id)}>
      ${options.error ? html`<span class="error-text" role="alert">${icon('alert')}${options.error}</span>` : (options.hint ?? nothing)}
    </div>
  </div>`;

/** The server's sentence for a field, where the error names it. */
export function fieldError(error: ApiError | null, name: string): string | null {
  return (
    error?.fields.find((problem) => problem.path === name || problem.path.startsWith(`${name}.`))?.message ??
    null
  );
}

/** What belongs to no shown field: said above the form. */
export function formError(
  error: ApiError | null,
  shownFields: readonly string[],
): TemplateResult | typeof nothing {
  if (error === null) return nothing;
  const isAllShown =
    error.fields.length > 0 &&
    error.fields.every((problem) =>
      shownFields.some((name) => problem.path === name || problem.path.startsWith(`${name}.`)),
    );
  if (isAllShown) return nothing;
  return html`<div class="callout tone-bad" role="alert">${icon('alert')}<div>${error.message}</div></div>`;
}

export interface DialogOptions {
  readonly heading: string;
  readonly body: TemplateResult | typeof nothing;
  readonly onClose: () => void;
  readonly footer?: TemplateResult | typeof nothing;
  readonly isWide?: boolean;
}

/** Mounted only while open, so that every opening starts fresh. */
export const dialog = (options: DialogOptions): TemplateResult => html`
  <wa-dialog
    open
    label=${options.heading}
    class=${options.isWide ? 'wide' : ''}
    @wa-after-hide=${(event: Event) => {
      if (event.target === event.currentTarget) options.onClose();
    }}
  >
    <div class="dialog-body">${options.body}</div>
    ${
      options.footer === undefined || options.footer === nothing
        ? nothing
        : html`<div slot="footer" class="dialog-footer">${options.footer}</div>`
    }
  </wa-dialog>`;

export interface FormDialogOptions extends Omit<DialogOptions, 'footer'> {
  readonly submitLabel: string;
  readonly isBusy: boolean;
  readonly isDanger?: boolean;
  readonly isDisabled?: boolean;
  readonly onSubmit: (form: FormData) => void;
}

export const formDialog = (options: FormDialogOptions): TemplateResult =>
  dialog({
    ...options,
    body: html`<form
      id="dialog-form"
      class="form"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        if (!options.isBusy && event.currentTarget instanceof HTMLFormElement) {
          options.onSubmit(new FormData(event.currentTarget));
        }
      }}
    >${options.body}</form>`,
    footer: html`
      <button type="button" class="button" @click=${closeDialog}>Cancel</button>
      <button
        type="submit"
        form="dialog-form"
        class="button ${options.isDanger ? 'danger' : 'primary'}"
        ?disabled=${options.isDisabled === true}
        aria-busy=${options.isBusy ? 'true' : 'false'}
      >${options.isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}${options.submitLabel}</button>`,
  });

/** Closes the dialog that the event's element stands in. */
export function closeDialog(event: Event): void {
  const target = event.target;
  const host = target instanceof Element ? target.closest('wa-dialog') : null;
  if (host !== null) host.open = false;
}

/** A text field of a form; empty text is null. */
export function textOf(form: FormData, name: string): string | null {
  const value = form.get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}
