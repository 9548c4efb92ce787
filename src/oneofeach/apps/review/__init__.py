"""The review page: a person sees each group side by side and decides what stays. Read session.py first.

session.py holds what is being reviewed, regroup.py turns decisions and a threshold into groups, server.py is the door
for the browser, page/ is what it loads. Files of the user change only at "apply".
"""
