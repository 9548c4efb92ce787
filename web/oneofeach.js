// Puts the review panel into the node "Image Deduplication". Nothing depends on it: without it the node still gives
// contact sheets and a report, and `decisions` is a plain text field.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { Panel } from "./panel.js";
import { wordsFor } from "./words.js";

const NODE = "OneOfEachImageDeduplication";
const panels = new Map();

function locale() {
    return app.extensionManager?.setting?.get?.("Comfy.Locale") ?? app.ui?.settings?.getSettingValue?.("Comfy.Locale");
}

function thumbnail(file) {
    return api.apiURL(`/view?${new URLSearchParams(file)}`);
}

// Inside a subgraph the server knows a node as "outer:inner"; its own id is the last part.
function panelsOf(id) {
    const own = String(id).split(":").at(-1);
    return [...panels].filter(([node]) => String(node.id) === own).map(([, panel]) => panel);
}

function hide(widget) {
    widget.hidden = true; // classic rendering
    (widget.options ??= {}).hidden = true; // Nodes 2.0, which holds on to the options it first saw
}

function addPanel(node) {
    const decisions = node.widgets?.find((widget) => widget.name === "decisions");
    if (!decisions) return;
    hide(decisions);
    const panel = new Panel({
        words: wordsFor(locale()),
        thumbnail,
        read: () => decisions.value,
        write: (text) => {
            decisions.value = text;
            decisions.callback?.(text);
            node.graph?.setDirtyCanvas?.(true, true);
        },
        resized: () => grow(node, panel),
    });
    const widget = node.addDOMWidget("oneofeach_panel", "oneofeach_panel", panel.element, {
        serialize: false,
        hideOnZoom: false,
        getMinHeight: () => panel.height,
    });
    widget.serialize = false;
    panels.set(node, panel);
    const { onRemoved, onExecuted, onConfigure } = node;
    node.onRemoved = function (...values) {
        panels.delete(node);
        return onRemoved?.apply(this, values);
    };
    node.onExecuted = function (output) {
        onExecuted?.call(this, output);
        panel.show(output?.oneofeach?.[0]);
    };
    node.onConfigure = function (...values) {
        onConfigure?.apply(this, values);
        panel.refresh();
    };
}

function grow(node, panel) {
    const wanted = node.computeSize?.();
    if (!wanted || !node.setSize) return;
    node.setSize([Math.max(node.size[0], panel.width), Math.max(node.size[1], wanted[1])]);
    node.graph?.setDirtyCanvas?.(true, true);
}

app.registerExtension({
    name: "oneofeach.review",
    setup() {
        api.addEventListener("execution_error", ({ detail }) => {
            if (detail.node_type !== NODE) return;
            for (const panel of panelsOf(detail.node_id)) panel.fail(detail.exception_message);
        });
    },
    nodeCreated(node) {
        if (node.comfyClass === NODE) addPanel(node);
    },
    onNodeOutputsUpdated(outputs) {
        for (const [id, output] of Object.entries(outputs)) {
            if (!output?.oneofeach) continue;
            for (const panel of panelsOf(id)) panel.show(output.oneofeach[0]);
        }
    },
});
