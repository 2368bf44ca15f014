#compdef wcompose
# zsh completion for wcompose: as a file _wcompose in a directory of $fpath, or: source <(wcompose completion zsh)
_wcompose() {
  local line value entry files
  local -a lines plain open
  lines=("${(@f)$(wcompose __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${(@)lines}"; do
    if [[ $line == :* ]]; then
      files=$line
      continue
    fi
    value=${line%%$'\t'*}
    entry="${value//:/\\:}:${line#*$'\t'}"
    if [[ $value == *[=:] ]]; then open+=("$entry"); else plain+=("$entry"); fi
  done
  ((${#plain})) && _describe -t wcompose wcompose plain
  ((${#open})) && _describe -t wcompose wcompose open -S ''
  case $files in
    :files) _files ;;
    :directories) _files -/ ;;
  esac
}
if [[ ${funcstack[1]} == _wcompose ]]; then
  _wcompose "$@"
else
  compdef _wcompose wcompose
fi
