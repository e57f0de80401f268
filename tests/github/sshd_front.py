"""Listen for sshd and start one for each connection: on its own it sends the first answers with Nagle's delay."""

import socket
import socketserver
import subprocess
import sys


class Session(socketserver.BaseRequestHandler):
    """One connection: sshd serves it by standard input and output, as inetd would have it do."""

    def handle(self) -> None:
        # Otherwise each answer before the command waits for 40 ms; a code host's server does not.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        subprocess.run(sys.argv[3:], stdin=self.request, stdout=self.request, check=False)


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    with Listener((sys.argv[1], int(sys.argv[2])), Session) as listener:
        print("listening", flush=True)
        listener.serve_forever(poll_interval=60)
