"""Runs the snippets as snippets.mjs does, in Python."""
import base64
import importlib.util
import json
import os
import sys

sys.dont_write_bytecode = True

def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(sys.argv[1], name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verify


snippets, answers = {}, []
for request in json.load(sys.stdin):
    name = request["snippet"]
    verify = snippets[name] = snippets.get(name) or load(name)
    arguments = [request["headers"], base64.b64decode(request["body"]), request["secret"]]
    if verify.__code__.co_argcount == 4:  # it reads a clock
        arguments.append(request["now"] / 1000)
    try:
        answer = verify(*arguments)
        answers.append("" if answer is None else "it returned %r" % answer)
    except Exception as error:
        answers.append("%s: %s" % (type(error).__name__, error))
json.dump(answers, sys.stdout)
