# fish completion for wcompose. Load it with: wcompose completion fish | source
function __wcompose_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (wcompose __complete -- $words[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    test (count $lines) -gt 1; and printf '%s\n' $lines[1..-2]
    switch $lines[-1]
        case :files
            __fish_complete_path "$current"
        case :directories
            __fish_complete_directories "$current"
    end
end
complete -c wcompose -f -a '(__wcompose_complete)'
