#!/usr/bin/env python3
"""Sends a mail with files through Faxpost, and waits until it is delivered:

    send_mail.py --to you@example.com --subject Fax --text "Two pages." fax.tif

Exit status: 0 delivered, 1 not, 65 refused because something in it is wrong, 75 not now.
"""

import argparse
import pathlib
import sys
import uuid

import grpc

from faxpost import Faxpost, Refused

CHUNK = 64 * 1024
NOT_NOW = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)


def parts(faxpost, mail, files):
    """The mail, then each file in pieces: memory does not grow with them."""
    part = lambda **fields: faxpost.message("SendMailStreamRequest", **fields)
    yield part(mail=mail)
    for path in files:
        yield part(attachment=faxpost.message("AttachmentStart", file_name=path.name))
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield part(chunk=chunk)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--endpoint", help="the daemon's socket")
    arguments.add_argument("--account", default="", help='by which account; else "default"')
    arguments.add_argument("--to", action="append", required=True, metavar="ADDRESS")
    arguments.add_argument("--subject", default="")
    arguments.add_argument("--text", default="")
    arguments.add_argument("files", nargs="*", type=pathlib.Path)
    given = arguments.parse_args()

    try:
        with Faxpost(given.endpoint) as faxpost:
            return send(faxpost, given)
    except Refused as refused:
        print(f"{refused.reason or refused.code.name}: {refused}", file=sys.stderr)
        for field, what in refused.fields.items():
            print(f"  {field}: {what}", file=sys.stderr)
        return 75 if refused.code in NOT_NOW else 65


def send(faxpost, given):
    mail = faxpost.message(
        "SendMailRequest",
        account=given.account,
        to=given.to,
        subject=given.subject,
        text=given.text,
        # Should the connection break before the answer: the same id sends once, however often it is tried.
        request_id=str(uuid.uuid4()),
    )
    sent = faxpost.call("Mail/SendMailStream", parts(faxpost, mail, given.files), timeout=600)
    print(f"accepted: {sent.id} {sent.message_id}")
    message = None
    for state in faxpost.call("Mail/WatchMessage", id=sent.id):
        message = state.message
    states = faxpost.pool.FindEnumTypeByName("faxpost.v1.MessageState").values_by_number
    for recipient in message.recipients:
        print(f"{recipient.address}: {recipient.answer}")
    end = states[message.state].name
    print(end.removeprefix("MESSAGE_STATE_").lower())
    return 0 if end == "MESSAGE_STATE_DELIVERED" else 1


if __name__ == "__main__":
    sys.exit(main())
