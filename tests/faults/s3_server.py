"""An S3-compatible server on the loopback, in its own process: prints its port, and ends with its standard input."""

import os
import sys
import threading


def main() -> None:
    """Serve one bucket until standard input closes."""
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    app, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ, start_response):
        # A conditional put of moto looks first and then writes: two threads would both see that nothing is there. A
        # real service does both in one step.
        with lock:
            return app(environ, start_response)

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys).create_bucket(Bucket="desk")
    os.write(1, f"{port}\n".encode())
    sys.stdin.read()


if __name__ == "__main__":
    main()
