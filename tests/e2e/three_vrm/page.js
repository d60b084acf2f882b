// A VRM avatar that does what VMC messages say, and reports what became of it. Nothing is drawn before a still is asked for.
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { VRMLoaderPlugin, VRMHumanBoneName } from "@pixiv/three-vrm";

const socket = new WebSocket(`ws://${location.host}/`);
const tell = (entry) => socket.send(JSON.stringify(entry));
addEventListener("error", (event) => tell({ kind: "error", text: String(event.message) }));
addEventListener("unhandledrejection", (event) => tell({ kind: "error", text: String(event.reason) }));
await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));

const loader = new GLTFLoader();
loader.register((parser) => new VRMLoaderPlugin(parser));
const vrm = (await loader.loadAsync("/avatar.vrm")).userData.vrm;
const scene = new THREE.Scene();
scene.add(vrm.scene);
const sun = new THREE.DirectionalLight(0xffffff, 2.5);
sun.position.set(0.5, 1, 2);
scene.add(sun, new THREE.AmbientLight(0xffffff, 1));
scene.background = new THREE.Color(0x334455);
scene.updateMatrixWorld(true);

// VRM names of Unity's HumanBodyBones differ in the case of the first letter only, thumbs aside, which a face does not have.
const boneOf = (name) => vrm.humanoid.getNormalizedBoneNode(name[0].toLowerCase() + name.slice(1));
// The custom expressions of a VRM 1 avatar are camelCase; the sender's default is PascalCase.
const expressionOf = (name) => [name, name[0].toLowerCase() + name.slice(1)].find((known) => vrm.expressionManager.getExpression(known));

const head = vrm.humanoid.getRawBoneNode(VRMHumanBoneName.Head);
const headAtRest = head.getWorldQuaternion(new THREE.Quaternion()).invert();
const face = [];
vrm.scene.traverse((node) => node.isMesh && node.morphTargetDictionary?.jawOpen !== undefined && face.push(node));

function lowestWithOpenJaw(mesh) {
  const moves = mesh.geometry.morphAttributes.position[mesh.morphTargetDictionary.jawOpen];
  let chin = 0;
  for (let i = 1; i < moves.count; i += 1) if (moves.getY(i) < moves.getY(chin)) chin = i;
  return { chin, drop: moves.getY(chin) };
}
const { chin, drop } = lowestWithOpenJaw(face[0]);

// VRM 1: (x, -y, -z, w) turns Unity's axes into glTF's.
function turn(name, [, , , x, y, z, w]) {
  boneOf(name)?.quaternion.set(x, -y, -z, w);
}

let values = new Map();
let seen = new Set();
let t = 0;
const strongest = new Map();

function measure() {
  vrm.update(0);
  scene.updateMatrixWorld(true);
  const world = head.getWorldQuaternion(new THREE.Quaternion()).multiply(headAtRest);
  const point = face[0].getVertexPosition(chin, new THREE.Vector3());
  head.worldToLocal(face[0].localToWorld(point));
  const weights = {};
  for (const [name, index] of Object.entries(face[0].morphTargetDictionary)) weights[name] = face[0].morphTargetInfluences[index];
  return { t, head: world.toArray(), chin: point.y, weights };
}

const pose = () =>
  Object.keys(vrm.humanoid.normalizedHumanBones).map((name) => [
    name,
    vrm.humanoid.getNormalizedBoneNode(name).quaternion.clone(),
  ]);

function finishFrame() {
  const frame = measure();
  tell({ kind: "frame", ...frame });
  for (const [name, weight] of Object.entries(frame.weights)) {
    if (weight > (strongest.get(name)?.weight ?? 0.1)) strongest.set(name, { weight, weights: frame.weights, pose: pose() });
  }
}

function receive([address, ...args]) {
  if (address === "/VMC/Ext/Bone/Pos") {
    turn(args[0], args.slice(1));
    if (args[0] === "Head") seen.add("head");
  } else if (address === "/VMC/Ext/Blend/Val") {
    values.set(args[0], args[1]);
  } else if (address === "/VMC/Ext/Blend/Apply") {
    for (const [name, value] of values) {
      const known = expressionOf(name);
      if (known) vrm.expressionManager.setValue(known, value);
    }
    values = new Map();
    seen.add("apply");
  } else if (address === "/VMC/Ext/T") {
    [t] = args;
    seen.add("t");
  }
  if (seen.size === 3) {
    seen = new Set();
    finishFrame();
  }
}

function still({ name, expression }) {
  const moment = strongest.get(expression);
  for (const [bone, turned] of moment?.pose ?? []) vrm.humanoid.getNormalizedBoneNode(bone).quaternion.copy(turned);
  for (const [known, weight] of Object.entries(moment?.weights ?? {})) vrm.expressionManager.setValue(known, weight);
  vrm.update(0);
  const canvas = document.getElementById("canvas");
  const renderer = new THREE.WebGLRenderer({ canvas, antialias: false, preserveDrawingBuffer: true });
  const camera = new THREE.PerspectiveCamera(22, 1, 0.05, 10);
  const eyes = head.getWorldPosition(new THREE.Vector3()).add(new THREE.Vector3(0, 0.03, 0));
  camera.position.copy(eyes).add(new THREE.Vector3(0, 0, 0.9));
  camera.lookAt(eyes);
  renderer.render(scene, camera);
  tell({ kind: "still", name, url: canvas.toDataURL("image/png") });
  renderer.dispose();
}

socket.addEventListener("message", ({ data }) => {
  const entry = JSON.parse(data);
  if (entry.command === "still") still(entry);
  else entry.messages.forEach(receive);
});
tell({ kind: "avatar", drop, expressions: Object.keys(vrm.expressionManager.expressionMap) });
tell({ kind: "ready" });
