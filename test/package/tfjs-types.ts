// A strict reader of the declarations of the backend, which name no package that may be missing.
import {backendName, type HandedOver, handedOver} from 'chainrule/tfjs';

const rows: readonly HandedOver[] = handedOver();
export const name: string = backendName;
export const calls: number = rows.reduce((sum, row) => sum + row.calls, 0);
