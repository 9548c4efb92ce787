"""The only stages that change a user's files: a plan says what, a journal says what was done, undo takes it back.

Start reading at perform.py. Rules that hold everywhere here: intent on disk before a change, outcome after it;
nothing is ever overwritten that was not checked a moment before; a step that cannot be done safely is refused alone.
"""
