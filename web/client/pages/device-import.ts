/** Bulk pre-registration: paste or choose a file, try it out, import; each row has its own result. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import type { ImportBody, ImportResult } from '#web-api';
import { closeDialog, describedBy, dialog, field, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { saveFile } from '../data/save-file.ts';
import {
  IMPORT_PART_ROWS,
  joinResults,
  type ParsedImport,
  parseImport,
  repeatedRow,
} from '../format/device-import.ts';
import { IMPORT_TEMPLATE, secretsCsv } from '../format/import-secrets.ts';
import { count } from '../format/quantity.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { organizationsAllowing } from '../state/session.ts';

/** A row of 5,000 stays far below; more would freeze the text field. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Rows of the result that are shown; failures come first. */
const MAX_SHOWN_ROWS = 200;
const EXAMPLE =
  'device_name,device_type,hardware_id,tags,groups\nstore-014,uc1-pro,9f2c1b7e,retail berlin,First floor';

export class DeviceImport {
  readonly #host: LitElement;
  readonly #context: () => ConsoleContext;
  readonly #onImported: () => void;
  readonly #action: FormAction<true>;
  #text = '';
  #fileProblem: string | null = null;
  #organizationId = '';
  #issue: NonNullable<ImportBody['issue']> = 'none';
  /** Rows done of the import under way. */
  #done: number | null = null;
  #repeated: string | null = null;
  #result: { readonly isDryRun: boolean; readonly value: ImportResult } | null = null;

  constructor(host: LitElement, options: { context: () => ConsoleContext; onImported: () => void }) {
    this.#host = host;
    this.#context = options.context;
    this.#onImported = options.onImported;
    this.#action = new FormAction(host);
  }

  open(): void {
    const context = this.#context();
    this.#text = '';
    this.#result = null;
    this.#fileProblem = null;
    this.#issue = 'none';
    this.#repeated = null;
    this.#organizationId =
      context.organization.get() ??
      organizationsAllowing(context.session.get(), 'device.import')[0]?.id ??
      '';
    this.#action.open(true);
  }

  render(): TemplateResult | typeof nothing {
    if (this.#action.subject === null) return nothing;
    const parsed = parseImport(this.#text);
    const isDone = this.#result !== null && !this.#result.isDryRun;
    return dialog({
      heading: 'Import devices',
      isWide: true,
      onClose: () => this.#action.close(),
      body: html`${formError(this.#action.error, [])}${isDone ? nothing : this.#form(parsed)}${this.#renderProgress(parsed)}${this.#renderResult(parsed)}`,
      footer: isDone
        ? html`${this.#secretsButton(parsed)}<button type="button" class="button primary" @click=${closeDialog}>Done</button>`
        : html`
            <button type="button" class="button" @click=${closeDialog}>Cancel</button>
            <button type="button" class="button" ?disabled=${!parsed.ok || this.#action.isBusy} @click=${() => void this.#run(parsed, true)}>Check only</button>
            <button type="button" class="button primary" ?disabled=${!parsed.ok} aria-busy=${this.#action.isBusy ? 'true' : 'false'} @click=${() => void this.#run(parsed, false)}>
              Import ${parsed.ok ? count(parsed.rows.length, 'device') : ''}
            </button>`,
    });
  }

  #form(parsed: ParsedImport): TemplateResult {
    const organizations = organizationsAllowing(this.#context().session.get(), 'device.import');
    return html`
      <p class="quiet">Registers devices before they first connect. A bad row fails alone; the others go in, and the same rows again change nothing. <button type="button" class="link-button" @click=${this.#saveTemplate}>Download a template</button></p>
      ${field({
        id: 'import-organization',
        label: 'Organisation',
        control: html`<select class="select" id="import-organization" @change=${this.#chooseOrganization} aria-describedby=${describedBy('import-organization')}>
          ${organizations.map(({ id, name }) => html`<option value=${id} ?selected=${id === this.#organizationId}>${name}</option>`)}
        </select>`,
      })}
      ${field({
        id: 'import-issue',
        label: 'Give each new device',
        hint: 'Shown once after the import, as a file to download.',
        control: html`<select class="select" id="import-issue" @change=${this.#chooseIssue} aria-describedby=${describedBy('import-issue')}>
          <option value="none" ?selected=${this.#issue === 'none'}>Nothing</option>
          <option value="tokens" ?selected=${this.#issue === 'tokens'}>A token for its hardware alone</option>
          <option value="claim_codes" ?selected=${this.#issue === 'claim_codes'}>A claim code for its buyer</option>
        </select>`,
      })}
      ${field({
        id: 'import-file',
        label: 'File',
        isOptional: true,
        error: this.#fileProblem,
        control: html`<input class="input" id="import-file" type="file" accept=".csv,.json,text/csv,application/json" @change=${this.#readFile} aria-describedby=${describedBy('import-file')} />`,
      })}
      ${field({
        id: 'import-rows',
        label: 'Rows, as CSV with a header or as JSON',
        error: this.#text !== '' && !parsed.ok ? parsed.reason : this.#repeated,
        hint: parsed.ok
          ? `${count(parsed.rows.length, 'row')} of ${parsed.format.toUpperCase()}`
          : 'Types: uc1-pro, gateway, custom. Tags by blanks, groups by semicolons, further columns as metadata.….',
        control: html`<textarea class="textarea" id="import-rows" spellcheck="false" placeholder=${EXAMPLE} .value=${this.#text} @input=${this.#type} aria-describedby=${describedBy('import-rows')}></textarea>`,
      })}`;
  }

  #renderResult(parsed: ParsedImport): TemplateResult | typeof nothing {
    if (this.#result === null) return nothing;
    const { isDryRun, value } = this.#result;
    const rows = value.rows
      .toSorted((a, b) => Number(a.ok) - Number(b.ok) || a.row - b.row)
      .slice(0, MAX_SHOWN_ROWS);
    const nameOf = (row: number): string => {
      const name = parsed.ok ? parsed.rows[row - 1]?.device_name : undefined;
      return typeof name === 'string' ? name : '';
    };
    return html`
      <div class="callout tone-${value.failed === 0 ? 'good' : 'warn'}" role="status">
        ${icon(value.failed === 0 ? 'check' : 'alert')}
        <div><p><b>${isDryRun ? 'Check' : 'Import'}:</b> ${count(value.created, 'row')} ${isDryRun ? 'would go in' : 'imported'}, ${value.unchanged} there already, ${value.failed} failed.</p></div>
      </div>
      <div class="card import-result" tabindex="0" role="group" aria-label="Result of each row">
        <table class="table auto">
          <thead><tr><th scope="col">Row</th><th scope="col">Device</th><th scope="col">Result</th></tr></thead>
          <tbody>
            ${rows.map(
              (row) => html`<tr class="row">
                <td data-label="Row"><div class="cell">${row.row}</div></td>
                <td data-label="Device"><div class="cell">${nameOf(row.row)}</div></td>
                <td data-label="Result" class="wrap"><div class="cell">${row.ok ? html`<span class="pill tone-${row.outcome === 'unchanged' ? 'quiet' : 'good'}">${icon('check')}${row.outcome === 'unchanged' ? 'Unchanged' : 'OK'}</span>` : html`<span class="pill tone-bad">${icon('cross')}Failed</span> ${row.detail ?? row.error}`}</div></td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  async #run(parsed: ParsedImport, isDryRun: boolean): Promise<void> {
    if (!parsed.ok) return;
    this.#repeated = repeatedRow(parsed.rows);
    this.#result = null;
    if (this.#repeated !== null) {
      this.#host.requestUpdate();
      return;
    }
    await this.#action.run(() => this.#importParts(parsed.rows, isDryRun), { staysOpen: true });
    this.#done = null;
    this.#host.requestUpdate();
  }

  /** What is done stays shown when a later part fails. */
  async #importParts(rows: readonly Record<string, unknown>[], isDryRun: boolean): Promise<void> {
    let value: ImportResult | null = null;
    try {
      for (let start = 0; start < rows.length; start += IMPORT_PART_ROWS) {
        this.#done = start;
        this.#host.requestUpdate();
        const part = await this.#context().api.call('devices.import', {
          body: {
            organization_id: this.#organizationId,
            dry_run: isDryRun,
            issue: this.#issue,
            devices: rows.slice(start, start + IMPORT_PART_ROWS),
          },
        });
        value = joinResults(value, part, start);
      }
    } finally {
      if (value !== null) this.#result = { isDryRun, value };
      if (value !== null && !isDryRun) this.#onImported();
    }
  }

  #renderProgress(parsed: ParsedImport): TemplateResult | typeof nothing {
    if (this.#done === null || !parsed.ok) return nothing;
    return html`<label class="progress" role="status">${this.#done.toLocaleString()} of ${parsed.rows.length.toLocaleString()} rows
      <progress max=${parsed.rows.length} .value=${this.#done}></progress></label>`;
  }

  #secretsButton(parsed: ParsedImport): TemplateResult | typeof nothing {
    if (this.#result === null || this.#result.isDryRun || !parsed.ok) return nothing;
    const content = secretsCsv(this.#result.value.rows, parsed.rows);
    if (content === null) return nothing;
    const name = this.#issue === 'tokens' ? 'device-tokens.csv' : 'claim-codes.csv';
    const save = () => saveFile({ name, type: 'text/csv', content, isBase64: false });
    return html`<button type="button" class="button" @click=${save}>${icon('download')}Save ${name}</button>`;
  }

  readonly #saveTemplate = (): void =>
    saveFile({ name: 'devices.csv', type: 'text/csv', content: IMPORT_TEMPLATE, isBase64: false });

  readonly #chooseIssue = (event: Event): void => {
    const chosen = event.target instanceof HTMLSelectElement ? event.target.value : 'none';
    this.#issue = chosen === 'tokens' || chosen === 'claim_codes' ? chosen : 'none';
    this.#host.requestUpdate();
  };

  readonly #type = (event: Event): void => {
    if (event.target instanceof HTMLTextAreaElement) this.#text = event.target.value;
    this.#repeated = null;
    this.#result = null;
    this.#host.requestUpdate();
  };

  readonly #chooseOrganization = (event: Event): void => {
    if (event.target instanceof HTMLSelectElement) this.#organizationId = event.target.value;
    this.#result = null;
    this.#host.requestUpdate();
  };

  readonly #readFile = async (event: Event): Promise<void> => {
    const file = event.target instanceof HTMLInputElement ? event.target.files?.[0] : undefined;
    if (file === undefined) return;
    this.#result = null;
    this.#fileProblem = file.size > MAX_FILE_BYTES ? 'The file is larger than 4 MiB; split it.' : null;
    if (this.#fileProblem === null) this.#text = await file.text();
    this.#host.requestUpdate();
  };
}
