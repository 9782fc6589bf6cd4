/** COPY … FROM STDIN on a connection of pg, of data that is whole and in memory already: no stream is needed. */
import type pg from 'pg';

/** Bytes in one message: the server holds each in memory. */
const CHUNK_BYTES = 1_048_576;

/** What pg's connection has for COPY; its types do not say so. */
interface CopyConnection extends pg.Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}
/** pg sets `callback` where it watches over the time that a query takes, and calls the handlers by name. */
interface CopyQuery extends pg.Submittable {
  callback(error: Error | null): void;
  handleCopyInResponse(connection: CopyConnection): void;
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
}

/** @returns rows. @throws DatabaseError; the connection can be used again after ROLLBACK. */
export function copyIn(client: pg.PoolClient, text: string, data: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0;
    const query: CopyQuery = {
      submit: (connection) => (connection as CopyConnection).query(text),
      callback: () => undefined,
      handleCopyInResponse(connection) {
        for (let start = 0; start < data.length; start += CHUNK_BYTES) {
          connection.sendCopyFromChunk(data.subarray(start, start + CHUNK_BYTES));
        }
        connection.endCopyFrom();
      },
      handleCommandComplete({ text: tag }) {
        rows = Number(/^COPY (\d+)/.exec(tag)?.[1] ?? 0);
      },
      handleReadyForQuery() {
        query.callback(null);
        resolve(rows);
      },
      handleError(error) {
        query.callback(error);
        reject(error);
      },
    };
    client.query(query);
  });
}
