package near

// Word is the one of some words that is nearest to what was written, if one is so near
// that it may have been meant: one letter in five is wrong, missing, too many, or
// changed places with the next. Of two that are as near it is the first.
func Word(written string, words []string) (meant string, ok bool) {
	least := max(1, min(3, len([]rune(written))/5)) + 1
	for _, w := range words {
		if d := distance([]rune(written), []rune(w)); d < least && w != written {
			meant, least = w, d
		}
	}
	return meant, meant != ""
}

// distance is that of Damerau and Levenshtein, in which no letter is changed twice
// (optimal string alignment).
func distance(a, b []rune) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
