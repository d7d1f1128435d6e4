"""Reads the certificates that a release serves TLS with. Of their Secrets nothing else is kept, and no other Secret is read."""

from __future__ import annotations

import base64
from urllib.parse import quote

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.troubles import Refused, Unreachable
from moorage.cli.installation import parts
from moorage.cli.installation.documents import COMPONENT, Seen, label, spec
from moorage.cli.installation.refusals import refusal


async def read(api: Api, seen: Seen) -> tuple[dict[str, str], str]:
    """PEM chains by Secret; and why they could not be read, where they could not."""
    found: dict[str, str] = {}
    for secret in sorted(tls_secrets(seen)):
        try:
            document = await api.get(f"/api/v1/namespaces/{quote(seen.namespace)}/secrets/{quote(secret)}")
        except Refused as error:
            if error.is_forbidden:
                return found, refusal(error)
        except Unreachable as error:
            return found, refusal(error)
        else:
            if chain := (document.get("data") or {}).get("tls.crt"):
                found[secret] = base64.b64decode(chain).decode(errors="replace")
    return found, ""


def tls_secrets(seen: Seen) -> frozenset[str]:
    """Those that the gateways mount, and those of the release's Ingresses."""
    gateways = [each for each in seen.all(*parts.WORKLOADS) if label(each, COMPONENT) == "gateway"]
    volumes = [volume for each in gateways for volume in spec(spec(each).get("template") or {}).get("volumes") or ()]
    mounted = {(volume.get("secret") or {}).get("secretName") for volume in volumes}
    served = {tls.get("secretName") for each in seen.all("ingresses") for tls in spec(each).get("tls") or ()}
    return frozenset(str(each) for each in mounted | served if each)
