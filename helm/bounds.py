"""What the chart's values may be, beyond what their defaults show: the first pattern that fits a value's path counts.

JSON Schema fragments, by path; `*` stands for any text. A default says its type (a text, a whole number, a truth, a table
of these fields), an empty table is free; what else is true of a value stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

Fragment = Mapping[str, Any]

TEXTS: Fragment = {"type": "object", "additionalProperties": {"type": "string"}}
FREE: Fragment = {"type": "object"}
LIST_OF_TEXTS: Fragment = {"type": "array", "items": {"type": "string", "minLength": 1}}
LIST_OF_TABLES: Fragment = {"type": "array", "items": {"type": "object"}}
NAMED: Fragment = {"type": "array", "items": {"type": "object", "required": ["name"]}}
FRACTION: Fragment = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
SECONDS: Fragment = {"type": "integer", "minimum": 0, "maximum": 86_400}
PORT: Fragment = {"type": "integer", "minimum": 1, "maximum": 65_535}
REPLICAS: Fragment = {"type": "integer", "minimum": 1, "maximum": 100}
WORKERS: Fragment = {"type": "integer", "minimum": 0, "maximum": 10_000}

NETWORK = "^[0-9a-fA-F.:]+/[0-9]{1,3}$"
QUANTITY = "^[0-9]+(\\.[0-9]+)?(m|[kMGTPE]i?)?$"

OFF_TOO = ("off", False)
"""A file's `off` without quotes is YAML for false."""


def _one_of(*values: object) -> Fragment:
    return {"enum": list(values)}


def _text(pattern: str) -> Fragment:
    return {"type": "string", "pattern": pattern}


BOUNDS: tuple[tuple[str, Fragment], ...] = (
    ("commonLabels", TEXTS),
    ("*abels", TEXTS),  # labels, podLabels
    ("monitoring.annotations", {"type": "boolean"}),
    ("*nnotations", TEXTS),  # annotations, podAnnotations
    ("*.nodeSelector", TEXTS),
    ("*.resources", FREE),  # as in a container
    ("*ecurityContext", FREE),
    ("image.pullSecrets", LIST_OF_TEXTS),
    ("*.digest", _text("^(sha256:[0-9a-f]{64})?$")),
    ("image.digest", _text("^(sha256:[0-9a-f]{64})?$")),
    ("*.tag", _text("^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$")),
    ("*.pullPolicy", _one_of("Always", "IfNotPresent", "Never")),
    ("nameOverride", _text("^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")),
    ("fullnameOverride", _text("^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")),
    ("listenAddress", _text("^[0-9a-fA-F.:]+$")),
    ("publicUrl", _text("^(wss?://[^\\s]+)?$")),
    ("logLevel", _one_of("debug", "info", "warning", "error")),
    ("drainSeconds", SECONDS),
    ("poolDefaults.drainSeconds", {**SECONDS, "type": ["integer", "null"]}),
    ("*eadlineSeconds", {"type": "integer", "minimum": 1}),
    ("*Seconds", SECONDS),
    ("tls.mode", _one_of("generated", "secret", "certManager", *OFF_TOO)),
    ("tls.dnsNames", LIST_OF_TEXTS),
    ("signing.next", LIST_OF_TEXTS),
    ("signing.retiring", LIST_OF_TEXTS),
    ("redis.url", _text("^((redis|rediss|unix)(\\+[a-z]+)?://[^\\s]+)?$")),
    ("database.url", _text("^(postgres(ql)?(\\+asyncpg)?://[^\\s]+)?$")),
    ("valkey.maxMemory", _text("^[1-9][0-9]*(kb|mb|gb|k|m|g)?$")),
    ("*.size", _text(QUANTITY)),
    ("*.replicas", REPLICAS),
    ("*.maxSurge", {"type": ["integer", "string"], "minimum": 1, "pattern": "^[1-9][0-9]*%$"}),
    ("*.maxUnavailable", {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+%$"}),
    ("*.topologySpread", _one_of("ScheduleAnyway", "DoNotSchedule")),
    ("*.service.type", _one_of("ClusterIP", "NodePort", "LoadBalancer")),
    ("*.service.nodePort", {**PORT, "type": ["integer", "null"]}),
    ("*.externalTrafficPolicy", _one_of("", "Cluster", "Local")),
    ("*.loadBalancerSourceRanges", LIST_OF_TEXTS),
    ("*.port", PORT),
    ("autoscaler.prometheus.urls", {"type": "array", "items": _text("^https?://[^\\s]+$")}),
    ("autoscaler.prometheus.auth", _one_of("none", "bearer", "basic")),
    ("*.tolerations", LIST_OF_TABLES),
    ("*.env", NAMED),
    ("*.envFrom", LIST_OF_TABLES),
    ("*.volumes", NAMED),
    ("*.volumeMounts", NAMED),
    ("*.command", LIST_OF_TEXTS),
    ("*.args", {"type": "array", "items": {"type": "string"}}),
    ("*.egress", LIST_OF_TABLES),
    ("poolDefaults.pool", {"type": "string", "maxLength": 63}),
    ("poolDefaults.region", {"type": "string", "minLength": 1, "maxLength": 63}),
    ("poolDefaults.slots", {"type": "integer", "minimum": 1, "maximum": 100_000}),
    ("poolDefaults.scaling", _one_of("builtin", "keda", "hpa", "fixed")),
    ("poolDefaults.minimum", WORKERS),
    ("poolDefaults.maximum", {**WORKERS, "minimum": 1}),
    ("poolDefaults.*.target", FRACTION),
    ("poolDefaults.keda.serverAddress", _text("^(https?://[^\\s]+)?$")),
    ("ingress.*ost", _text("^(\\*\\.)?([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")),
    ("gatewayApi.parentRefs", NAMED),
    ("gatewayApi.*ostnames", LIST_OF_TEXTS),
    ("networkPolicy.*From", LIST_OF_TABLES),
    ("networkPolicy.dns", LIST_OF_TABLES),
    ("networkPolicy.*To", {"type": "array", "items": _text(NETWORK)}),
    ("networkPolicy.*Ports", {"type": "array", "items": PORT, "minItems": 1}),
    ("monitoring.*.interval", _text("^[0-9]+(ms|s|m)$")),
    (
        "monitoring.prometheusRule.severities",
        {"type": "object", "additionalProperties": {"type": ["string", "boolean"], "not": {"const": True}}},
    ),
)


def bound(name: str) -> Fragment | None:
    """Of the value with that dotted path; None where its default says it all."""
    return next((fragment for pattern, fragment in BOUNDS if fnmatchcase(name, pattern)), None)
