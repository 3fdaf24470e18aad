"""Listen on TCP ports of all addresses, IPv4 and IPv6, until standard input is closed: python listeners.py PORT…"""

import socket
import sys

sockets = [
    socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) for port in sys.argv[1:]
]
print("listening", flush=True)
sys.stdin.read()
