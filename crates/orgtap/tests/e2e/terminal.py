"""Runs a program on a terminal of its own and answers its questions, as a patient person does.

What is to be typed unseen is typed when the terminal has stopped showing it, not before.
"""

import json
import os
import pty
import select
import sys
import termios
import time

plan = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    os.execvp(plan["program"][0], plan["program"])

text = b""
end = time.monotonic() + 90


def shows_typing():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def more():
    """Takes in what the program writes. False when it has ended."""
    global text
    if not select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
        sys.exit("the program said nothing more:\n" + text.decode())
    try:
        part = os.read(terminal, 65536)
    except OSError:
        return False
    text += part
    return bool(part)


at = 0
for step in plan["steps"]:
    question = step["question"].encode()
    while text.find(question, at) < 0:
        if not more():
            sys.exit("it did not ask %r:\n%s" % (question, text.decode()))
    at = text.find(question, at) + len(question)
    while step["hidden"] and shows_typing():
        time.sleep(0.005)
        if time.monotonic() > end:
            sys.exit("it shows what is typed: %r" % question)
    os.write(terminal, step["answer"].encode())

while more():
    pass
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({"text": text.decode(), "code": code, "shows_typing": shows_typing()}))
