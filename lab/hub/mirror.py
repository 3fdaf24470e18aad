"""A static mirror: the bare files of a repository at /static/<owner>/<name>/<path>, with Range and nothing else."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.hub.files import file_response
from lab.hub.repository import Repositories


def routes(repositories: Repositories) -> list[Route]:
    """The routes of the mirror, without listings and hashes: its ETag is derived from size and time."""

    async def file(request: Request) -> Response:
        owner, name, path = (request.path_params[key] for key in ("owner", "name", "path"))
        snapshot = await run_in_threadpool(repositories.snapshot, owner, name)
        if snapshot is None or path not in snapshot.entries:
            raise HTTPException(404)
        return file_response(snapshot.entries[path])

    return [Route("/static/{owner}/{name}/{path:path}", file, methods=["GET"])]
