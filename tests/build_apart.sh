# Builds the programs with these features into a folder of their own. What stood in the target folder stands there again: it may be on
# somebody's PATH, with other links.
build_apart() { # features, folder
    local debug=${CARGO_TARGET_DIR:-target}/debug name
    mkdir -p "$2/before"
    for name in ushield ushield-bank ushield-token; do
        rm -f "$2/before/$name"
        [ ! -e "$debug/$name" ] || ln "$debug/$name" "$2/before/$name"
    done
    "${CARGO:-cargo}" build --locked -p ushield-cli -p ushield-bank -p ushield-emulator --features "$1"
    for name in ushield ushield-bank ushield-token; do
        # Two names of one file cannot be moved onto each other: what was not built again is one.
        rm -f "$2/$name"
        ln "$debug/$name" "$2/$name"
        if [ -e "$2/before/$name" ]; then
            rm "$debug/$name"
            mv "$2/before/$name" "$debug/$name"
        fi
    done
}
