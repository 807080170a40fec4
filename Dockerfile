# One file, a target per image: operator, panel, gateway, algorithm, paper-exchange, migrations, postgresql.
#
#   buildah bud --isolation chroot --target panel --tag localhost/stockade/panel:dev .
#
# Each image holds the packages of its own lock (requirements/NAME.txt) and its own folders, nothing else: the panel has no
# exchange library, the algorithm has no client of anything. Each runs as a uid of its own on a read-only root.
# Layers go from what changes seldom to what changes often: base, packages, our code.

# Any image with Python 3.13, its venv module and pip.
ARG BASE_IMAGE=python:3.13-slim-trixie
# The same for the untrusted image. It may be the same: that target is flattened into a layer of its own.
ARG ALGORITHM_BASE_IMAGE=python:3.13-slim-bookworm
# Any Debian that has PostgreSQL 17.
ARG POSTGRESQL_BASE_IMAGE=debian:trixie-slim


# ---- what every image of ours starts from ----

FROM ${BASE_IMAGE} AS builder
# Our code lies in one folder, and a .pth file puts it on the path, also for `python -I`.
RUN python3 -m venv --without-pip /opt/stockade \
 && mkdir /opt/stockade/code \
 && echo /opt/stockade/code > "$(/opt/stockade/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/stockade.pth"
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

FROM ${BASE_IMAGE} AS runtime
# The users are numbers without an entry in /etc/passwd, so their name is here for libraries that ask for one.
ENV PATH=/opt/stockade/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    LOGNAME=stockade \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/stockade
STOPSIGNAL SIGTERM


# ---- packages, one stage per lock ----
# The root is read-only at run time, so everything is compiled here; unchecked, because nothing will change it.

FROM builder AS operator-packages
COPY requirements/operator.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib

FROM builder AS panel-packages
COPY requirements/panel.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib

FROM builder AS gateway-packages
COPY requirements/gateway.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib

FROM builder AS paper-exchange-packages
COPY requirements/paper-exchange.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib

FROM builder AS migrations-packages
COPY requirements/migrations.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib


# ---- operator ----

FROM runtime AS operator
COPY --from=operator-packages /opt/stockade /opt/stockade
COPY crds/stockade_crds /opt/stockade/code/stockade_crds
COPY db/stockade_db /opt/stockade/code/stockade_db
COPY operator/stockade_operator /opt/stockade/code/stockade_operator
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code
USER 10003:10003
EXPOSE 8080
ENTRYPOINT ["python", "-m", "stockade_operator"]


# ---- panel ----

FROM runtime AS panel
COPY --from=panel-packages /opt/stockade /opt/stockade
COPY crds/stockade_crds /opt/stockade/code/stockade_crds
COPY db/stockade_db /opt/stockade/code/stockade_db
COPY algo-image/examples /opt/stockade/examples
COPY panel/stockade_panel /opt/stockade/code/stockade_panel
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code
USER 10004:10004
EXPOSE 8080
ENTRYPOINT ["python", "-m", "stockade_panel"]


# ---- gateway: the only image that ever meets an exchange key ----

FROM runtime AS gateway
COPY --from=gateway-packages /opt/stockade /opt/stockade
COPY wire/stockade_wire /opt/stockade/code/stockade_wire
COPY db/stockade_db /opt/stockade/code/stockade_db
COPY gateway/stockade_gateway /opt/stockade/code/stockade_gateway
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code
USER 10001:10001
EXPOSE 8080 8081
ENTRYPOINT ["python", "-m", "stockade_gateway"]
CMD ["sidecar"]


# ---- paper exchange ----

FROM runtime AS paper-exchange
COPY --from=paper-exchange-packages /opt/stockade /opt/stockade
COPY paper-exchange/stockade_paper /opt/stockade/code/stockade_paper
# `stockade-paper`, as an installed wheel has it, for who runs this image by hand.
RUN printf '#!/bin/sh\nexec python -m stockade_paper "$@"\n' > /opt/stockade/bin/stockade-paper \
 && chmod 755 /opt/stockade/bin/stockade-paper \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code
USER 10005:10005
EXPOSE 9000
ENTRYPOINT ["python", "-m", "stockade_paper"]
CMD ["serve", "--port", "9000"]


# ---- migrations ----

FROM runtime AS migrations
COPY --from=migrations-packages /opt/stockade /opt/stockade
COPY db/stockade_db /opt/stockade/code/stockade_db
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code
USER 10006:10006
ENTRYPOINT ["python", "-m", "stockade_db"]
CMD ["migrate"]


# ---- algorithm: runs strangers' code ----
# It shares no layer with the gateway's image, because a write into the page cache of a shared layer is a known way out of
# a container. Its root is therefore put together here and copied whole into one layer that no other image has; and what
# strangers' code has no use for stays behind.

FROM ${ALGORITHM_BASE_IMAGE} AS launcher
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev
COPY algo-image/stockade_launcher /build/stockade_launcher
# Static: nothing is loaded before the defences are up, not even a library of the image's.
RUN cd /build \
 && python3 -m stockade_launcher > policy.h \
 && gcc -std=c17 -static-pie -O2 -Wall -Wextra -Werror -fstack-protector-strong -s -I. -o launcher stockade_launcher/*.c

FROM ${ALGORITHM_BASE_IMAGE} AS algorithm-root
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv --without-pip /opt/stockade \
 && mkdir /opt/stockade/code \
 && echo /opt/stockade/code > "$(/opt/stockade/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/stockade.pth"
COPY requirements/algorithm.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/stockade/bin/python install --require-hashes --requirement /tmp/requirements.txt \
 && find /opt/stockade/lib -type d -name tests -prune -exec rm -rf {} + \
 && /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/lib
COPY wire/stockade_wire /opt/stockade/code/stockade_wire
COPY algo-image/stockade_sdk /opt/stockade/code/stockade_sdk
COPY algo-image/stockade_runner /opt/stockade/code/stockade_runner
COPY algo-image/examples /opt/stockade/examples
COPY --from=launcher /build/launcher /opt/stockade/bin/launcher
RUN /opt/stockade/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/stockade/code \
 && rm -rf /tmp/* /root/.cache /var/cache/* /var/lib/apt /var/lib/dpkg /usr/share/doc /usr/share/man /usr/share/locale \
           /usr/lib/python3*/dist-packages/pip* /usr/local/lib/python3*/site-packages/pip* \
           /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip /usr/share/python-wheels \
 && find / -xdev -perm /6000 -type f -delete \
 && rm -f /usr/bin/apt* /usr/bin/dpkg* /usr/bin/pip* /usr/local/bin/pip*

FROM scratch AS algorithm
COPY --from=algorithm-root / /
ENV PATH=/opt/stockade/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/stockade
STOPSIGNAL SIGTERM
USER 10002:10002
ENTRYPOINT ["/opt/stockade/bin/launcher", "/opt/stockade/bin/python", "-I", "-B", "-m", "stockade_runner"]


# ---- postgresql: for a trial; a real installation brings its own ----

FROM ${POSTGRESQL_BASE_IMAGE} AS postgresql
# The libraries that compile queries are larger than all the rest; without them PostgreSQL interprets every query.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql-17 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/postgresql/17 /etc/postgresql \
 && rm -rf /usr/lib/postgresql/17/lib/bitcode /usr/lib/postgresql/17/lib/llvmjit* \
           /usr/lib/*-linux-gnu/libLLVM* /usr/lib/*-linux-gnu/libz3* \
 && groupmod --gid 10007 postgres \
 && usermod --uid 10007 postgres \
 && install -d -o 10007 -g 10007 -m 0700 /var/lib/postgresql/data \
 && install -d -o 10007 -g 10007 -m 0775 /var/run/postgresql
COPY --chmod=0755 db/postgresql/start.sh /usr/local/bin/start-postgresql
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PGDATA=/var/lib/postgresql/data/pgdata
# SIGINT is PostgreSQL's fast shutdown; on SIGTERM it would wait for every client to leave.
STOPSIGNAL SIGINT
USER 10007:10007
EXPOSE 5432
ENTRYPOINT ["start-postgresql"]
