"""S3 on loopback, by moto: makes a bucket, and copies what is in it to a folder as often as one is named.

Says its port, then answers each folder on standard input with how many objects were copied. Ends with its input.
"""

import pathlib
import sys

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "example-bucket"

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
s3 = boto3.resource(
    "s3",
    endpoint_url=f"http://127.0.0.1:{port}",
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
)
bucket = s3.create_bucket(Bucket=BUCKET)
print(port, flush=True)
for line in sys.stdin:
    folder = pathlib.Path(line.rstrip("\n"))
    count = 0
    for count, found in enumerate(bucket.objects.all(), 1):
        path = folder / found.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.get()["Body"].read())
    print(count, flush=True)
server.stop()
