#!/bin/sh
# Starts PostgreSQL, and makes its database first where there is none. Understands the variables of the usual upstream
# image (POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA), so that the chart works with either. Arguments go to the server.
set -eu

: "${POSTGRES_PASSWORD:?write the password of the database's owner}"
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Half a database is of no use: a start that was cut off begins again.
    rm -rf "$PGDATA" "$PGDATA.new"
    umask 077
    password_file=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
    initdb --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile="$password_file" --encoding=UTF8 \
        --locale-provider=builtin --builtin-locale=C.UTF-8 --auth=scram-sha-256
    rm "$password_file"
    echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        printf 'CREATE DATABASE "%s"\n' "$POSTGRES_DB" | postgres --single -j -D "$PGDATA.new" postgres >/dev/null
    fi
    mv "$PGDATA.new" "$PGDATA"
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
