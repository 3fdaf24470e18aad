#!/bin/bash
# Exit with 0 if HAProxy answers its health check on the port of the first argument: keepalived runs this every second.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /health HTTP/1.0\r\n\r\n' >&3
read -r -t 1 _ status _ <&3 && [[ $status == 200 ]]
