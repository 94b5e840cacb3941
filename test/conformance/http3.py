"""Asks a server over HTTP/3 and prints one line a check: its name, and "ok" or what was wrong."""

import io
import json
import sys

import pycurl

base, authority, file = sys.argv[1:]
http3_only = 31
seconds_max = 120  # on a busy machine anything may take long


class Answer:
    """What came back. `wanted` ends an endless answer as soon as its text has it."""

    def __init__(self, path, wanted=None, version=http3_only, **options):
        self.body = b""
        self.head = ""
        curl = pycurl.Curl()
        curl.setopt(curl.URL, base + path)
        curl.setopt(curl.HTTP_VERSION, version)
        curl.setopt(curl.CAINFO, authority)
        curl.setopt(curl.TIMEOUT, seconds_max)
        curl.setopt(curl.HEADERFUNCTION, self._add_header)

        def add(chunk):
            self.body += chunk
            return -1 if wanted is not None and wanted in self.body else len(chunk)

        curl.setopt(curl.WRITEFUNCTION, add)
        for name, value in options.items():
            curl.setopt(getattr(curl, name), value)
        try:
            curl.perform()
        except pycurl.error as error:
            if error.args[0] != pycurl.E_WRITE_ERROR:
                raise
        self.status = curl.getinfo(curl.RESPONSE_CODE)
        self.version = curl.getinfo(curl.INFO_HTTP_VERSION)
        curl.close()

    def _add_header(self, line):
        self.head += line.decode("latin1").lower()

    def json(self):
        return json.loads(self.body)


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} in place of {wanted!r}")


def page():
    answer = Answer("/")
    expect((answer.status, answer.version), (200, 30))
    expect(b"<!doctype html" in answer.body[:100].lower(), True)


def advertised():
    answer = Answer("/livez", version=pycurl.CURL_HTTP_VERSION_2_0)
    expect(answer.version, pycurl.CURL_HTTP_VERSION_2_0)
    expect("alt-svc: h3=" in answer.head, True)


def head():
    answer = Answer("/files/random.bin", NOBODY=1)
    expect((answer.status, answer.body), (200, b""))
    expect(f"content-length: {len(content)}" in answer.head, True)


def download():
    expect(Answer("/files/random.bin").body == content, True)


def ranges():
    for asked, status, wanted in [
        ("100-199", 206, content[100:200]),
        ("-50", 206, content[-50:]),
        (f"{len(content) - 10}-", 206, content[-10:]),
    ]:
        answer = Answer("/files/random.bin", RANGE=asked)
        expect((asked, answer.status, answer.body == wanted), (asked, status, True))
    expect(Answer("/files/random.bin", RANGE=f"{len(content)}-").status, 416)


def publish():
    key = ["Content-Type: text/plain", "Idempotency-Key: h3-1"]
    first = Answer("/rooms/h3/messages", POSTFIELDS="один".encode(), HTTPHEADER=key)
    expect((first.status, first.version), (201, 30))
    again = Answer("/rooms/h3/messages", POSTFIELDS="один".encode(), HTTPHEADER=key)
    expect((again.status, again.json()["duplicate"]), (200, True))


def too_large():
    answer = Answer("/rooms/h3/messages", POSTFIELDS="x" * 1_100_000)
    expect((answer.status, answer.json()["code"]), (413, "too_large"))


def follow_and_resume():
    positions = []
    for number in range(1, 6):
        answer = Answer("/rooms/follow/messages", POSTFIELDS=f"m{number}")
        positions.append(answer.json()["position"])
    stream = Answer("/rooms/follow/events?since=start", wanted=b'"m5"')
    expect("content-type: text/event-stream" in stream.head, True)
    expect([f'"m{n}"'.encode() in stream.body for n in range(1, 6)], [True] * 5)
    resumed = Answer(
        "/rooms/follow/events",
        wanted=b'"m5"',
        HTTPHEADER=[f"Last-Event-ID: {positions[2]}"],
    )
    expect([f'"m{n}"'.encode() in resumed.body for n in range(1, 6)], [False] * 3 + [True] * 2)


def no_upgrade():
    expect(Answer("/ws").status, 426)


def say(check):
    name = check.__name__.replace("_", " ")
    try:
        check()
        print(f"{name}: ok")
    except Exception as error:
        print(f"{name}: {type(error).__name__} {error}".replace("\n", " "))


with io.open(file, "rb") as opened:
    content = opened.read()
for each in [
    page,
    advertised,
    head,
    download,
    ranges,
    publish,
    too_large,
    follow_and_resume,
    no_upgrade,
]:
    say(each)
