// Models from a server: what tfjs does in a browser, with the fetch of Node.
import * as tf from '@tensorflow/tfjs';

/**
 * Loads a model from the URL of its model.json.
 *
 * @param requestInit what `fetch` takes, e.g. headers.
 * @param weightPathPrefix where the weights are, if not beside model.json.
 */
export function nodeHTTPRequest(
  path: string,
  requestInit?: RequestInit,
  weightPathPrefix?: string,
): tf.io.IOHandler {
  return tf.io.http(path, {
    ...(requestInit && {requestInit}),
    ...(weightPathPrefix !== undefined && {weightPathPrefix}),
  });
}
