"""Set the administrator's password to the one in the container's environment, and revoke the sessions.

Runs in the container of Open WebUI, which itself reads that password only when it creates the first account. Imports
only the models: `open_webui.config` would replace files of the running server. Their functions are coroutines in 0.12,
but a vendor's image may have an older version.
"""

import asyncio
import inspect
import os

import bcrypt
from open_webui.models.auths import Auths
from open_webui.models.users import Users


async def resolve(value):
    """Return `value`, awaited if it is awaitable."""
    return await value if inspect.isawaitable(value) else value


async def main():
    """Print "changed" if the account exists."""
    user = await resolve(Users.get_user_by_email(os.environ["WEBUI_ADMIN_EMAIL"]))
    if user:
        password = bcrypt.hashpw(os.environ["WEBUI_ADMIN_PASSWORD"].encode(), bcrypt.gensalt()).decode()
        if await resolve(Auths.update_user_password_by_id(user.id, password)):
            print("changed")


asyncio.run(main())
