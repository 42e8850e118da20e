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
        ln -f "$debug/$name" "$2/$name"
        [ ! -e "$2/before/$name" ] || mv -f "$2/before/$name" "$debug/$name"
    done
}
