# Whoever logs in over ssh gets the menu of the consoles; leaving it (Ctrl-D) gives a shell.
export LC_ALL=C.UTF-8
if [ -n "$SSH_TTY" ] && [ -z "$RESCUE_MENU" ]; then /usr/lib/lifeboat-rescue/menu; fi
