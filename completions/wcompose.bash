# bash completion for wcompose. Load it with: source <(wcompose completion bash)
_wcompose() {
  local cur='' prefix='' files='' line piece value i
  local -a words=() lines=()
  # Readline splits words at = and :, which belong to ours.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    if ((${#words[@]} > 0)) && [[ $piece == [=:] || ${COMP_WORDS[i - 1]} == [=:] ]]; then
      words[-1]+=$piece
    else
      words+=("$piece")
    fi
  done
  ((${#words[@]} > 0)) && cur=${words[-1]}
  [[ $cur == *[=:]* ]] && prefix=${cur%"${cur##*[=:]}"}
  mapfile -t lines < <(wcompose __complete -- "${words[@]}" 2>/dev/null)
  COMPREPLY=()
  for line in "${lines[@]}"; do
    if [[ $line == :* ]]; then
      files=$line
      continue
    fi
    value=${line%%$'\t'*}
    [[ $value == *[=:] ]] && compopt -o nospace
    COMPREPLY+=("${value#"$prefix"}")
  done
  case $files in
    :files)
      compopt -o filenames
      mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${cur#"$prefix"}")
      ;;
    :directories)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "${cur#"$prefix"}")
      ;;
  esac
}
complete -F _wcompose wcompose
