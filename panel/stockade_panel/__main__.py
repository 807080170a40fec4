"""Start the panel, or add a user from the command line: `python -m stockade_panel [serve | add-user …]`."""

import argparse
import logging
import os
import sys

import uvicorn
from sqlalchemy.exc import IntegrityError

from stockade_panel.app import create_app
from stockade_panel.cluster import open_cluster
from stockade_panel.errors import PanelError, SettingsError
from stockade_panel.parts import assemble
from stockade_panel.security import SHORTEST_PASSWORD, add_user
from stockade_panel.settings import Settings, read_settings
from stockade_panel.web import create_flask


def main() -> int:
    """Run one command and return its exit code."""
    arguments = _parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings(os.environ)
        if arguments.command == "add-user":
            return _add_user(settings, arguments)
        return _serve(settings)
    except PanelError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's error goes to its user
        return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stockade_panel", description="The web panel of Stockade.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve the panel (the default)")
    add = commands.add_parser("add-user", help="add a user who may log in at once")
    add.add_argument("--email", required=True)
    add.add_argument("--password-stdin", action="store_true", required=True, help="read the password from stdin")
    owner = add.add_mutually_exclusive_group(required=True)
    owner.add_argument("--tenant", help="the tenant the user belongs to")
    owner.add_argument("--admin", action="store_true", help="an administrator of the platform")
    return parser.parse_args()


def _serve(settings: Settings) -> int:
    app = create_app(assemble(settings, open_cluster()))
    # Streams last for hours; a pod that ends gives them a few seconds and no more.
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 - the pod's only way in
        port=settings.port,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws_max_size=64 * 1024,
    )
    return 0


def _add_user(settings: Settings, arguments: argparse.Namespace) -> int:
    parts = assemble(settings, open_cluster())
    password = sys.stdin.readline().rstrip("\n")
    if len(password) < SHORTEST_PASSWORD:
        raise SettingsError(f"The password must have at least {SHORTEST_PASSWORD} characters")
    tenant_uid = None
    if arguments.tenant:
        tenant_uid = parts.users.find_tenant_uid(arguments.tenant)
        if tenant_uid is None:
            raise SettingsError(f"There is no tenant {arguments.tenant} in the ledger: create the Tenant first")
    app = create_flask(parts)
    with app.app_context():
        parts.users.free_email(arguments.email)
        try:
            add_user(
                app,
                email=arguments.email,
                password=password,
                tenant_uid=tenant_uid,
                is_admin=arguments.admin,
            )
        except IntegrityError as error:
            raise SettingsError(f"There is a user of the email {arguments.email} already") from error
    print(f"{arguments.email} was added")  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
