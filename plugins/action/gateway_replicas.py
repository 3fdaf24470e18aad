"""Drain a replica behind a deployed gateway, use it again, or list all (see inferfleet.gateway.replicas)."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.gateway import find_replica, last_replica, read_replicas
from inferfleet.messages import N_, Message, Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments: `folder`, `socket` and `record` of the gateway, `replica` (a name; empty: only list), `state` (drain
    or ready; empty: change nothing) and `seconds`, the longest time that the task waits."""

    def run(self, tmp=None, task_vars=None):
        """Return `replicas` with their state, `server`, that of the replica, `requests`, those of it that are still
        running, `healthy`, whether it gets requests, and `finished`, whether no request can finish on it any more."""
        super().run(tmp, task_vars)
        args, host = self._task.args, self._task.delegate_to or task_vars["inventory_hostname"]
        gateway = {"socket": args["socket"], "record": args["record"]}
        listed = self._module({**gateway, "read": f"{args['folder']}/replicas.map"}, task_vars)
        if listed.get("failed") or listed.get("unreachable"):
            return listed
        if not (listed["content"] and listed["servers"]):
            return failed([_not_running(host)])
        replicas = read_replicas(listed["content"])
        if not args["replica"]:
            return _result(listed, replicas)
        replica = find_replica(args["replica"], replicas)
        if isinstance(replica, Problem):
            return failed([replica], "contract")
        if not args["state"]:
            return _waiting(_result(listed, replicas, replica.server), args)
        result = self._module({**gateway, "server": replica.server, "state": args["state"]}, task_vars)
        if result.get("refused"):
            return failed([_refused(host, args["replica"], result["refused"])])
        warnings = []
        if args["state"] == "drain":
            usable = [server["server"] for server in result["servers"] if server["healthy"] and not server["drained"]]
            warnings = [warning.as_dict() for warning in last_replica(replica, replicas, usable)]
        return {**_result(result, replicas, replica.server), "inferfleet_warnings": warnings}

    def _module(self, arguments, task_vars):
        return self._execute_module("haproxy_servers", module_args=arguments, task_vars=task_vars)


def _result(result, replicas, server=""):
    known = {replica.server: replica for replica in replicas}
    shown = [
        {"replica": known[row["server"]].names[0], "model": known[row["server"]].model, **row}
        for row in result["servers"]
        if row["server"] in known
    ]
    own = [row for row in shown if row["server"] == server]
    return {
        "changed": result["changed"],
        "replicas": shown,
        "requests": sum(row["requests"] for row in own),
        "server": server.rpartition("/")[2],
        "healthy": bool(own) and all(row["healthy"] and not row["drained"] for row in own),
        # The connections to a dead node stay open until they time out.
        "finished": all(row["requests"] == 0 or not row["healthy"] for row in own),
    }


def _waiting(result, args):
    """Return the result with its progress, and until no request is running with the problem of a wait that ends."""
    count = result["requests"]
    text = Message("", N_("{count} requests are running"), count=count)
    if count == 0:
        return {**result, "progress": {"text": text.as_dict()}}
    problem = Problem(
        "requests-running",
        N_("Replica {replica} still has {count} requests after {seconds} s; it gets no new ones."),
        N_("Wait longer with --timeout, or use it again with --undo."),
        replica=args["replica"],
        count=count,
        seconds=int(args["seconds"]),
    )
    return {**result, "progress": {"text": text.as_dict()}, "msg": str(problem), "problems": [problem.as_dict()]}


def _not_running(host):
    return Problem(
        "gateway-not-running",
        N_("Host {host} has no running gateway of this version."),
        N_("Run `inferfleet up --tags gateway`, which deploys and starts it."),
        host=host,
    )


def _refused(host, replica, reason):
    return Problem(
        "gateway-refused",
        N_("The gateway on {host} refused to change replica {replica}: {reason}"),
        N_("Run `inferfleet up --tags gateway`, which writes its configuration again."),
        host=host,
        replica=replica,
        reason=reason,
    )
