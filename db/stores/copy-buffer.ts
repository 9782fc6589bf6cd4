/** Rows in the binary form of COPY. Pure. Source: PostgreSQL manual, COPY, "Binary Format". */

const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** timestamptz counts microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
/** jsonb is sent as text behind the version of its form. */
const JSONB_VERSION = 1;
const MAX_UTF8_BYTES = 3;
const NULL_LENGTH = -1;
const LENGTH_BYTES = 4;
const UUID_BYTES = 16;
const TWO_TO_32 = 2 ** 32;

export class CopyBuffer {
  #bytes: Buffer;
  #at = HEADER.length;
  readonly #uuids = new Map<string, Buffer>();

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(expectedBytes, 1024));
    HEADER.copy(this.#bytes);
  }

  /** Before the fields of each row. */
  row(fields: number): void {
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(fields, this.#at);
  }

  /** Canonical text; the same one again costs nothing. @throws RangeError */
  uuid(id: string): void {
    let bytes = this.#uuids.get(id);
    if (bytes === undefined) {
      bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
      // The server would take a field of another length for a broken connection.
      if (bytes.length !== UUID_BYTES) throw new RangeError(`not a UUID: ${JSON.stringify(id.slice(0, 40))}`);
      this.#uuids.set(id, bytes);
    }
    this.#room(LENGTH_BYTES + bytes.length);
    this.#at = this.#bytes.writeInt32BE(bytes.length, this.#at);
    this.#at += bytes.copy(this.#bytes, this.#at);
  }

  /** timestamptz, from milliseconds since 1970; fractions of a millisecond are cut off. */
  time(ms: number): void {
    const micros = (Math.floor(ms) - EPOCH_MS) * 1000;
    this.#room(LENGTH_BYTES + 8);
    this.#at = this.#bytes.writeInt32BE(8, this.#at);
    const high = Math.floor(micros / TWO_TO_32);
    this.#at = this.#bytes.writeInt32BE(high, this.#at);
    this.#at = this.#bytes.writeUInt32BE(micros - high * TWO_TO_32, this.#at);
  }

  text(text: string): void {
    this.#room(LENGTH_BYTES + text.length * MAX_UTF8_BYTES);
    const length = this.#bytes.write(text, this.#at + LENGTH_BYTES, 'utf8');
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at += LENGTH_BYTES + length;
  }

  /** Null where the value is. */
  jsonb(value: unknown): void {
    if (value === null) {
      this.#room(LENGTH_BYTES);
      this.#at = this.#bytes.writeInt32BE(NULL_LENGTH, this.#at);
      return;
    }
    const text = JSON.stringify(value);
    this.#room(LENGTH_BYTES + 1 + text.length * MAX_UTF8_BYTES);
    this.#bytes[this.#at + LENGTH_BYTES] = JSONB_VERSION;
    const length = 1 + this.#bytes.write(text, this.#at + LENGTH_BYTES + 1, 'utf8');
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at += LENGTH_BYTES + length;
  }

  /** All of it, with the end mark; nothing can be added afterwards. */
  finish(): Buffer {
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(-1, this.#at);
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
