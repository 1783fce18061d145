// Runs packages that were written for @tensorflow/tfjs-node, with what stands for it: the file that is given
// first, or TensorFlow.js on its cpu backend where that is empty. Prints what they computed, of the pictures
// that are named second.
const Module = require('node:module');
const path = require('node:path');
const sharp = require('sharp');

const [, , standIn, pictures] = process.argv;
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  resolve.call(
    Module,
    request === '@tensorflow/tfjs-node' ? standIn || '@tensorflow/tfjs' : request,
    ...rest,
  );

const tf = require('@tensorflow/tfjs-node');
const faceapi = require('@vladmandic/face-api');
const knn = require('@tensorflow-models/knn-classifier');

const home = path.dirname(require.resolve('@vladmandic/face-api/package.json'));

async function facesIn(pictureNames) {
  const models = path.join(home, 'model');
  const {nets} = faceapi;
  for (const net of [nets.tinyFaceDetector, nets.faceLandmark68TinyNet, nets.faceExpressionNet]) {
    await net.loadFromDisk(models);
  }
  await nets.faceRecognitionNet.loadFromDisk(models);
  const found = [];
  for (const name of pictureNames) {
    const picture = sharp(path.join(home, 'demo', name))
      .resize(640)
      .removeAlpha()
      .raw();
    const {data, info} = await picture.toBuffer({resolveWithObject: true});
    const image = tf.tensor3d(Int32Array.from(data), [info.height, info.width, 3], 'int32');
    const faces = await faceapi
      .detectAllFaces(image, new faceapi.TinyFaceDetectorOptions({inputSize: 320}))
      .withFaceLandmarks(true)
      .withFaceExpressions()
      .withFaceDescriptors();
    found.push(faces.map(describeFace));
    tf.dispose(image);
  }
  return found;
}

function describeFace(face) {
  const {score, box} = face.detection;
  return {
    score,
    box: [box.x, box.y, box.width, box.height],
    landmarks: face.landmarks.positions.flatMap(({x, y}) => [x, y]),
    expressions: Object.values(face.expressions),
    descriptor: [...face.descriptor],
  };
}

async function neighbours() {
  const classifier = knn.create();
  const features = tf.randomNormal([30, 16], 0, 1, 'float32', 5);
  const labels = Array.from({length: 30}, (_, row) => row % 3);
  for (const [row, label] of labels.entries()) {
    classifier.addExample(tf.add(tf.slice(features, [row, 0], [1, 16]), label), label);
  }
  const results = [];
  for (const row of [0, 1, 2, 7]) {
    const query = tf.add(tf.slice(features, [row, 0], [1, 16]), (row % 3) + 0.05);
    const {label, confidences} = await classifier.predictClass(query, 5);
    results.push({label: Number(label), confidences: Object.values(confidences)});
  }
  return results;
}

async function main() {
  if (!standIn) await tf.setBackend('cpu');
  await tf.ready();
  const found = await facesIn(pictures.split(','));
  const result = {backend: tf.getBackend(), pictures: found, neighbours: await neighbours()};
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main();
