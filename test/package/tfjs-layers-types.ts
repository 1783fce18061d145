// A strict reader of the declarations for models of tfjs-layers, which name that package.
import type {LayersModel} from '@tensorflow/tfjs-layers';
import type {Sequential} from 'chainrule';
import {fromTfjs, toTfjs} from 'chainrule/tfjs-layers';

export const here = (model: LayersModel): Promise<Sequential> => fromTfjs(model, {compile: false});
export const there = (model: Sequential): Promise<LayersModel> => toTfjs(model);
