// What three.js and three-vrm-animation make of animation files. Read from stdin (node --input-type=module -) in the folder that has
// node_modules. Arguments: [--avatar FILE.vrm] FILE.vrma|FILE.bvh ...; a line of JSON on stdout for each file:
// .vrma: {duration, restHips, rotation: {bone: {times, values}}, preset, custom: {name: {times, values}}, lookAt: {times, values}},
//   with an avatar also {played: [{t, head, expressions, yaw, pitch}]}: world rotation of the head bone, weights, where it looks;
// .bvh: {duration, frames: [quaternion of the joint Head in the world]}.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

globalThis.self = globalThis; // three.js expects a browser's names
globalThis.ProgressEvent ??= class extends Event {};

const THREE = await import("three");
const { GLTFLoader } = await import("three/addons/loaders/GLTFLoader.js");
const { BVHLoader } = await import("three/addons/loaders/BVHLoader.js");
const { VRMLoaderPlugin, VRMHumanBoneName } = await import("@pixiv/three-vrm");
const { VRMAnimationLoaderPlugin, VRMLookAtQuaternionProxy, createVRMAnimationClip } = await import("@pixiv/three-vrm-animation");

const { values: options, positionals } = parseArgs({ options: { avatar: { type: "string" } }, allowPositionals: true });

async function load(file) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
  const data = readFileSync(file);
  return loader.parseAsync(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength), "");
}

const numbers = (track) => ({ times: [...track.times], values: [...track.values] });
const all = (tracks) => Object.fromEntries([...tracks].map(([name, track]) => [name, numbers(track)]));

function play(vrm, animation) {
  const proxy = new VRMLookAtQuaternionProxy(vrm.lookAt);
  proxy.name = "lookAtQuaternionProxy";
  vrm.scene.add(proxy);
  const mixer = new THREE.AnimationMixer(vrm.scene);
  mixer.clipAction(createVRMAnimationClip(animation, vrm)).play();
  const head = vrm.humanoid.getRawBoneNode(VRMHumanBoneName.Head);
  vrm.scene.updateMatrixWorld(true);
  const atRest = head.getWorldQuaternion(new THREE.Quaternion()).invert();
  const played = [];
  for (let step = 0; step <= 4; step += 1) {
    const t = (animation.duration * step * 0.999) / 4;
    mixer.setTime(t);
    vrm.update(0);
    vrm.scene.updateMatrixWorld(true);
    const expressions = Object.fromEntries(vrm.expressionManager.expressions.map((each) => [each.expressionName, each.weight]));
    const turned = head.getWorldQuaternion(new THREE.Quaternion()).multiply(atRest);
    played.push({ t, head: turned.toArray(), expressions, yaw: vrm.lookAt.yaw, pitch: vrm.lookAt.pitch });
  }
  return played;
}

async function vrma(file) {
  const [animation] = (await load(file)).userData.vrmAnimations;
  const report = {
    duration: animation.duration,
    restHips: animation.restHipsPosition.toArray(),
    rotation: all(animation.humanoidTracks.rotation),
    preset: all(animation.expressionTracks.preset),
    custom: all(animation.expressionTracks.custom),
    lookAt: animation.lookAtTrack && numbers(animation.lookAtTrack),
  };
  if (options.avatar) report.played = play((await load(options.avatar)).userData.vrm, animation);
  return report;
}

function bvh(file) {
  const { skeleton, clip } = new BVHLoader().parse(readFileSync(file, "utf8"));
  const [root] = skeleton.bones;
  const head = skeleton.bones.find((bone) => bone.name === "Head");
  const mixer = new THREE.AnimationMixer(root);
  mixer.clipAction(clip).play();
  const [{ times }] = clip.tracks;
  const frames = [...times].map((t, i) => {
    mixer.setTime(i === times.length - 1 ? t * (1 - 1e-9) : t);
    root.updateMatrixWorld(true);
    return head.getWorldQuaternion(new THREE.Quaternion()).toArray();
  });
  return { duration: clip.duration, frames };
}

for (const file of positionals) {
  console.log(JSON.stringify(file.toLowerCase().endsWith(".bvh") ? bvh(file) : await vrma(file)));
}
