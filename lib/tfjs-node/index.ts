// `const tf = require('chainrule/tfjs-node')`: all of TensorFlow.js on the backend of this library, and what
// @tensorflow/tfjs-node adds to it.

import * as tf from '@tensorflow/tfjs';
import {backendName} from '../tfjs/index.ts';
import {fileRouter, fileSystem} from './file-system.ts';
import {nodeHTTPRequest} from './http.ts';
import {register} from './register.ts';

export * from '@tensorflow/tfjs';
export * as node from './node.ts';

/** `tf.io`, with `fileSystem` and `nodeHTTPRequest`. */
export const io: typeof tf.io & {
  readonly fileSystem: typeof fileSystem;
  readonly nodeHTTPRequest: typeof nodeHTTPRequest;
} = {...tf.io, fileSystem, nodeHTTPRequest};

register(backendName, fileRouter);
